//! After thousands of random operations, with sessions killed and the server crashed in between, every figure is exact.

use std::cell::Cell;
use std::rc::Rc;

use crier_tests::cluster::Database;
use crier_tests::process::kill_hard;
use crier_tests::session::Session;
use crier_tests::wait::{SOON, wait_for, wait_until};
use tokio::task::{JoinSet, LocalSet};

use super::{ROLL_UP, assert_exact, noted};

/// Some random work of one worker: adds jobs, claims some, and ends each in one of the ways there are.
const STEP: &str = "
    CREATE FUNCTION public.step(p_worker text) RETURNS void LANGUAGE plpgsql SET lock_timeout = '50ms' AS $$
    DECLARE
        c record;
        dice float8;
        dead uuid[];
    BEGIN
        PERFORM crier.enqueue('kind' || floor(random() * 4), priority => floor(random() * 3)::int)
        FROM generate_series(1, 1 + floor(random() * 6)::int);
        FOR c IN SELECT * FROM crier.claim_jobs(p_worker, 5) LOOP
            dice := random();
            IF dice < 0.5 THEN PERFORM crier.complete_jobs(ARRAY[c.job_id], ARRAY[c.token]);
            ELSIF dice < 0.65 THEN
                PERFORM crier.fail_jobs(ARRAY[c.job_id], ARRAY[c.token], ARRAY['config'], ARRAY['{}'::jsonb]);
            ELSIF dice < 0.75 THEN
                PERFORM crier.fail_jobs(ARRAY[c.job_id], ARRAY[c.token], ARRAY['transient'], ARRAY['{}'::jsonb]);
            ELSIF dice < 0.8 THEN
                PERFORM crier.snooze_jobs(ARRAY[c.job_id], ARRAY[c.token], ARRAY[now() + interval '10 minutes']);
            ELSIF dice < 0.9 THEN PERFORM crier.cancel_jobs(ARRAY[c.job_id]);
            END IF;
        END LOOP;
        dice := random();
        dead := ARRAY(SELECT job_id FROM crier.dead_jobs(max => 3));
        IF dice < 0.1 THEN PERFORM crier.purge_jobs(dead);
        ELSIF dice < 0.2 THEN PERFORM crier.retry_jobs(dead);
        ELSIF dice < 0.25 THEN PERFORM crier.expire_leases(p_worker);
        ELSIF dice < 0.3 THEN
            PERFORM crier.retry_jobs(ARRAY(SELECT id FROM crier.job ORDER BY id DESC LIMIT 50));
        END IF;
    END $$";

/// Works, on new connections where the old ones break. Every fourth transaction is several steps, every fifth is undone.
async fn work(database: Database, worker: String, steps: usize) {
    let mut session = reconnect(&database).await;
    let step = format!("SELECT public.step('{worker}')");
    for at in 0..steps {
        let sql = match at % 20 {
            0 | 5 | 10 | 15 => format!("BEGIN; {step}; SAVEPOINT s; {step}; ROLLBACK TO s; {step}; COMMIT"),
            3 | 8 | 13 | 18 => format!("BEGIN; {step}; ROLLBACK"),
            _ => step.clone(),
        };
        // two may want the same dead letter; then one of them is refused, and its transaction is over
        if session.try_text(&sql).await.is_err() && session.try_text("ROLLBACK").await.is_err() {
            session = reconnect(&database).await;
        }
    }
}

/// Sums up as long as there is work: on a quick machine any number of rounds would be over before it.
async fn sum_up(database: Database, at_work: Rc<Cell<bool>>) {
    let mut session = reconnect(&database).await;
    while at_work.get() {
        if session.try_text(ROLL_UP).await.is_err() {
            session = reconnect(&database).await;
        }
    }
}

/// A session, as soon as the server is there.
async fn reconnect(database: &Database) -> Session {
    wait_for("the server to be there", SOON, async || {
        let session = Session::try_connect(&database.url("postgres")).await?;
        session.try_text("SELECT crier.next_run_at()").await.map(|_| session)
    })
    .await
}

#[tokio::test]
async fn statistics_equal_a_recount_after_random_work_with_kills_and_a_crash() {
    // on this thread, where tasks may hold on to what waits
    LocalSet::new().run_until(random_work()).await;
}

async fn random_work() {
    let database = Database::private().await;
    let mut sql = noted(&database).await;
    sql.run(STEP).await;
    // a step is about ten operations; for a longer run, name more
    let steps =
        std::env::var("CRIER_TEST_STATISTICS_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(40);
    for round in 0..3 {
        let mut workers = JoinSet::new();
        for worker in 0..3 {
            workers.spawn_local(work(database.clone(), format!("worker {worker}"), steps));
        }
        let at_work = Rc::new(Cell::new(true));
        let mut sums = JoinSet::new();
        for _ in 0..2 {
            sums.spawn_local(sum_up(database.clone(), Rc::clone(&at_work)));
        }
        let enough = 100 * (round + 1);
        wait_for("some work to be done", SOON, async || {
            let done = sql.text("SELECT count(*) FROM public.noted").await;
            if done.parse::<i32>().is_ok_and(|done| done > enough) { Ok(()) } else { Err(done) }
        })
        .await;
        let others = "FROM pg_stat_activity WHERE query ~ 'public.step|roll_up' AND pid <> pg_backend_pid()";
        match round {
            0 => drop(sql.text(&format!("SELECT pg_terminate_backend(pid) {others} LIMIT 2")).await),
            1 => {
                let pid: Vec<i32> = sql.column(&format!("SELECT pid {others} LIMIT 1"), &[]).await;
                pid.iter().for_each(|pid| kill_hard(pid.unsigned_abs()));
            }
            _ => database.server().crash_and_restart(),
        }
        workers.join_all().await;
        at_work.set(false);
        sums.join_all().await;
        sql = reconnect(&database).await;
        assert_exact(&sql).await;
    }
    sql.text(ROLL_UP).await;
    assert_exact(&sql).await;
    let ended = sql.text("SELECT count(*) > 300, count(DISTINCT state) FROM public.noted").await;
    assert_eq!(ended, "t|3", "expected work to be done, or the test proves nothing");
    let summed = sql.text("SELECT count(*) > 10 FROM crier.job_stat").await;
    assert_eq!(summed, "t", "expected sums, or the test proves nothing");
    // what was read from the tables while it was changed is read again by a claim
    wait_until("memory to have all jobs", "t".to_owned(), async || {
        sql.run("SELECT * FROM crier.claim_jobs('nobody', 1, '{no such kind}')").await;
        sql.text("SELECT memory_complete FROM crier.get_queue_stats()").await
    })
    .await;
    assert_eq!(
        sql.text("SELECT pending, retrying, running, failed, changing FROM crier.get_queue_stats()").await,
        sql.text(
            "SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'retrying'),
                    count(*) FILTER (WHERE state = 'running'), count(*) FILTER (WHERE state = 'failed'), 0 FROM crier.jobs"
        )
        .await
    );
    assert_eq!(
        sql.text("SELECT sum(running) FROM crier.get_worker_stats()").await,
        sql.text("SELECT running FROM crier.get_queue_stats()").await
    );
}
