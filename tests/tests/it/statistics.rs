//! Statistics equal a recount, whatever happens: the recount is of what a trigger of the tests noted beside the queue.

mod api;
mod exact;
mod rights;
mod sums;
mod users;
mod values;

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use uuid::Uuid;

/// Notes every end of a job, in its transaction.
const NOTEBOOK: &str = "
    CREATE TABLE public.noted (id uuid, kind text, state text, attempt int, token bigint, run_at timestamptz, finished_at timestamptz);
    CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO public.noted SELECT NEW.id, j.kind, NEW.state, NEW.attempt,
               CASE WHEN NEW.state <> 'canceled' THEN NEW.token END, NEW.run_at, NEW.finished_at FROM crier.job j WHERE j.id = NEW.id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT ON crier.job_outcome FOR EACH ROW EXECUTE FUNCTION public.note()";

/// Minutes and kinds for which statistics and recount differ.
const DIFFERENCES: &str = "
    WITH said AS (
        SELECT date_trunc('minute', starts_at) AS minute, kind, sum(completed) AS completed, sum(failed) AS failed,
               sum(canceled) AS canceled, sum(attempts) AS attempts, sum(timed) AS timed, sum(processing_us) AS processing_us
        FROM crier.jobs_since((SELECT date_trunc('minute', begun_at) FROM crier.stat_state), 'minute') GROUP BY 1, 2
    ), counted AS (
        SELECT date_trunc('minute', finished_at) AS minute, kind, count(*) FILTER (WHERE state = 'completed') AS completed,
               count(*) FILTER (WHERE state = 'failed') AS failed, count(*) FILTER (WHERE state = 'canceled') AS canceled,
               sum(attempt) AS attempts, count(token) AS timed,
               coalesce(sum(greatest(extract(epoch FROM finished_at - timestamptz '2000-01-01') * 1000000 - token, 0)), 0)::bigint
                   AS processing_us
        FROM public.noted GROUP BY 1, 2
    )
    SELECT * FROM ((TABLE said EXCEPT TABLE counted) UNION ALL (TABLE counted EXCEPT TABLE said)) d";

/// Sums up all that can be, without a margin for the clock.
const ROLL_UP: &str = "SELECT crier.roll_up_statistics(p_margin => '0')";

/// A database whose ends of jobs are noted.
async fn noted(database: &Database) -> Session {
    let sql = database.connect().await;
    sql.run(NOTEBOOK).await;
    // the database may be a copy of one that was made some time ago
    sql.run("UPDATE crier.stat_state SET closed_until = greatest(closed_until, date_trunc('minute', now() - interval '1 minute'))").await;
    sql
}

async fn assert_exact(sql: &Session) {
    assert_eq!(sql.text(DIFFERENCES).await, "", "expected the statistics to equal the recount");
    let said = "SELECT completed_last_hour, failed_last_hour, completed_last_day, failed_last_day FROM crier.get_queue_stats()";
    let counted = "SELECT count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state = 'failed') FROM public.noted";
    let counted = sql.text(counted).await;
    assert_eq!(sql.text(said).await, format!("{counted}|{counted}"));
}

/// Adds, claims and completes jobs.
async fn complete(sql: &Session, kind: &str, count: i32) {
    sql.rows("SELECT crier.enqueue($1) FROM generate_series(1, $2)", &[&kind, &count]).await;
    let claimed = "WITH c AS MATERIALIZED (SELECT * FROM crier.claim_jobs('a worker', $1)) \
                   SELECT array_agg(job_id), array_agg(token) FROM c";
    let row = sql.row(claimed, &[&count]).await;
    let (ids, tokens): (Vec<Uuid>, Vec<i64>) = (row.get(0), row.get(1));
    let done: Vec<Uuid> = sql.column("SELECT crier.complete_jobs($1, $2)", &[&ids, &tokens]).await;
    assert_eq!(done.len(), count as usize, "expected every job to be completed");
}

/// Fails one job for good; its id.
async fn fail(sql: &Session, kind: &str) -> Uuid {
    sql.rows("SELECT crier.enqueue($1)", &[&kind]).await;
    let failed = "WITH c AS MATERIALIZED (SELECT * FROM crier.claim_jobs('a worker', 1)) \
                  SELECT f.job_id FROM c, crier.fail_jobs(ARRAY[c.job_id], ARRAY[c.token], ARRAY['config'], ARRAY['{}'::jsonb]) f";
    sql.value(failed, &[]).await
}
