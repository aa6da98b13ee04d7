//! What limits cost and whether they hold: 1,000 accounts, of which a few have most of the jobs (the number of an account's
//! jobs falls with its rank), drained without limits, with limits that nobody reaches, and with limits that most reach.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Bench;
use super::client::Taker;
use super::payload;
use super::report::{Limits, Rate};
use crate::session::Session;
use crate::stage::create_workspace;

const ACCOUNTS: usize = 1_000;
const BATCH: i32 = 500;
const WORKERS: usize = 2;
/// Jobs of an account in an hour, where that is the limit.
const TIGHT: u32 = 20;

const CONNECT: &str = "SELECT a.account_id FROM generate_series(1, $2) AS n, LATERAL \
    crier.connect_account($1, 'bluesky', 'did:plc:bench' || n, 'bench-' || n || '.test', 'https://pds.example') AS a";
const ADD: &str = "SELECT crier.enqueue_many($1)";
/// No concurrency and no pauses: every account could be at work in every claim.
const NO_PACE: &str = "DELETE FROM crier.platform_limit; \
    UPDATE crier.platform_policy SET account_concurrency = NULL, server_concurrency = NULL, account_gap = NULL, server_gap = NULL";
const NO_ACTION: &str = "DELETE FROM crier.job_kind WHERE kind = 'bench'";
const ACTION: &str = "INSERT INTO crier.job_kind (kind, action) VALUES ('bench', 'bench')";
const ROOMY: &str = "INSERT INTO crier.platform_limit (platform, action, per, max) \
    VALUES ('bluesky', 'bench', '2 hours', 1000000), ('bluesky', 'bench', '2 days', 1000000)";
const TIGHTER: &str = "DELETE FROM crier.platform_limit; \
    INSERT INTO crier.platform_limit (platform, action, per, max) VALUES ('bluesky', 'bench', '1 hour', 20)";

pub(super) async fn run(bench: &mut Bench) {
    let sql = bench.database.connect().await;
    let workspace = create_workspace(&sql).await;
    let accounts: Vec<Uuid> = sql.column(CONNECT, &[&workspace, &(ACCOUNTS as i32)]).await;
    let jobs = bench.plan.jobs;
    let owners = owners(jobs);
    sql.run(NO_PACE).await;
    let cases = [
        ("no limits", NO_ACTION.to_owned(), None),
        ("limits nobody reaches", format!("{ACTION}; {ROOMY}"), None),
        ("20 an hour and account", TIGHTER.to_owned(), Some(TIGHT)),
    ];
    for (how, rules, limit) in cases {
        sql.run(&rules).await;
        add(&sql, workspace, &accounts, &owners).await;
        sql.run("ANALYZE").await;
        let before = bench.meter.read(&sql).await;
        let start = Instant::now();
        let handed = drain(bench).await;
        let took = start.elapsed();
        let used = bench.meter.since(before, &sql).await;
        let how = format!("{how}, {ACCOUNTS} accounts, {BATCH} a call, {WORKERS} worker(s)");
        bench.report.rates.push(Rate::new("limits", "crier", &how, handed.len(), took, used));
        bench.report.limits.push(compare(&owners, &handed, limit));
        bench.crier().empty(&bench.database).await;
    }
    sql.run(&format!("{NO_ACTION}; DELETE FROM crier.platform_limit")).await;
}

/// The account of each job, by its number: account n has a share of 1/n.
fn owners(jobs: usize) -> Vec<usize> {
    let weights: f64 = (1..=ACCOUNTS).map(|rank| 1.0 / rank as f64).sum();
    let share = |rank: usize| (jobs as f64 / weights / rank as f64).round() as usize;
    let mut owners: Vec<usize> =
        (0..ACCOUNTS).flat_map(|account| std::iter::repeat_n(account, share(account + 1))).collect();
    owners.resize(jobs, 0);
    owners
}

async fn add(sql: &Session, workspace: Uuid, accounts: &[Uuid], owners: &[usize]) {
    for (first, owners) in (0..).step_by(1_000).zip(owners.chunks(1_000)) {
        let job = |(at, owner): (usize, &usize)| {
            json!({"kind": "bench", "params": payload::numbered(first + at), "workspace_id": workspace,
                   "account_id": accounts[*owner]})
        };
        let jobs: Vec<Value> = owners.iter().enumerate().map(job).collect();
        sql.rows(ADD, &[&Value::Array(jobs)]).await;
    }
}

/// Takes and finishes until a claim gets nothing; the numbers of the jobs.
async fn drain(bench: &Bench) -> Vec<usize> {
    let handed = Arc::new(Mutex::new(Vec::new()));
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        let taker = Taker::open(&bench.database, bench.crier().taking).await;
        let handed = Arc::clone(&handed);
        workers.push(tokio::spawn(async move {
            loop {
                let taken = taker.claim(BATCH).await;
                if taken.numbers.is_empty() {
                    return;
                }
                handed.lock().await.extend(&taken.numbers);
                taker.finish(&taken).await;
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap_or_else(|error| panic!("a worker that is limited: {error}"));
    }
    // one worker may have found nothing while the other held the last ones
    let last = Taker::open(&bench.database, bench.crier().taking).await;
    let rest = last.claim(BATCH).await;
    let mut handed = std::mem::take(&mut *handed.lock().await);
    handed.extend(&rest.numbers);
    handed
}

/// How far what was handed out is from what the limit allows.
fn compare(owners: &[usize], handed: &[usize], limit: Option<u32>) -> Limits {
    let count = |numbers: &mut dyn Iterator<Item = usize>| {
        let mut counts = vec![0_usize; ACCOUNTS];
        numbers.for_each(|number| counts[owners[number]] += 1);
        counts
    };
    let most = limit.map_or(usize::MAX, |limit| limit as usize);
    let all = count(&mut (0..owners.len()));
    let got = count(&mut handed.iter().copied());
    let allowed = all.iter().map(|jobs| (*jobs).min(most));
    Limits {
        accounts: ACCOUNTS,
        jobs: owners.len(),
        limit,
        handed_out: handed.len(),
        overshot: got.iter().zip(allowed.clone()).map(|(got, allowed)| got.saturating_sub(allowed)).sum(),
        missing: got.iter().zip(allowed).map(|(got, allowed)| allowed.saturating_sub(*got)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_and_under_a_limit_is_counted() {
        let owners = owners(10_000);
        assert_eq!(owners.len(), 10_000);
        let most = owners.iter().filter(|owner| **owner == 0).count();
        assert!((1_200..1_600).contains(&most), "{most}");
        let all: Vec<usize> = (0..10_000).collect();
        assert_eq!(compare(&owners, &all, None).overshot, 0);
        let over = compare(&owners, &all, Some(20));
        assert!(over.overshot > 1_000 && over.missing == 0, "{over:?}");
        assert_eq!(
            compare(&owners, &[], Some(1)).missing,
            ACCOUNTS.min(owners.iter().max().map_or(0, |last| last + 1))
        );
    }
}
