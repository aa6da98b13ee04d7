//! What the activity log costs those who make posts: with it, and where what is noted is thrown away. In turns, so that a disk that
//! gets slower slows both.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Bench;
use super::meter::Used;
use super::report::{Millis, Rate, Timing};
use crate::session::Session;
use crate::stage::{create_workspace, dummy_account};

/// The first one warms up and is not counted.
const ROUNDS: usize = 11;
/// One of so many jobs of a drain is a post of each round.
const PART: usize = 500;
/// Posts of each session that are not counted, they make plans.
const WARM_UP: usize = 6;

const CREATE: &str = "SELECT crier.create_post($1, 'a post', ARRAY[$2::uuid], now() + interval '1 day')";
/// The same many times in a transaction that waits for no disk: what one of them takes at best is told apart from the noise.
const CREATE_MANY: &str = "SELECT count(crier.create_post($1, 'a post', ARRAY[$2::uuid], now() + interval '1 day')) \
    FROM generate_series(1, $3::bigint)";
const MANY: u32 = 20;
const BATCHES: usize = 20;
/// The call is made, and nothing is written.
const FORGET: &str = "CREATE RULE forgets AS ON INSERT TO crier.activity_log DO INSTEAD NOTHING";
const NOTED: &str =
    "SELECT count(*) FROM crier.activity_log WHERE action = 'post_created' AND workspace_id = $1";
const NOTE: &str = "DROP RULE IF EXISTS forgets ON crier.activity_log";

const VARIANTS: [(&str, &str); 2] =
    [("a post is made and noted", NOTE), ("a post is made and not noted", FORGET)];

/// What calls took, and what the server used for them.
struct Sum {
    took: Vec<Duration>,
    used: Used,
    /// A post among many.
    best: Duration,
}

pub(super) async fn run(bench: &mut Bench) {
    let sql = bench.database.connect().await;
    let workspace = create_workspace(&sql).await;
    let account = dummy_account(&sql, workspace, "alice.test").await;
    let posts = (bench.plan.jobs / PART).max(4);
    let mut sums = VARIANTS.map(|_| Sum {
        took: vec![],
        used: Used { cpu_seconds: 0.0, wal_bytes: 0 },
        best: Duration::MAX,
    });
    for round in 0..ROUNDS {
        for ((_, change), sum) in VARIANTS.iter().zip(&mut sums) {
            sql.run(change).await;
            // a session keeps to the plan of a rule that is gone
            let caller = bench.database.connect().await;
            create(&caller, workspace, account, WARM_UP).await;
            let before = bench.meter.read(&sql).await;
            let took = create(&caller, workspace, account, posts).await;
            let used = bench.meter.since(before, &sql).await;
            sum.best = sum.best.min(best(&caller, workspace, account).await);
            if round > 0 {
                sum.took.extend(took);
                sum.used.cpu_seconds += used.cpu_seconds;
                sum.used.wal_bytes += used.wal_bytes;
            }
        }
    }
    sql.run(NOTE).await;
    for ((what, _), sum) in VARIANTS.iter().zip(sums) {
        let (count, time) = (sum.took.len(), sum.took.iter().sum());
        let best = sum.best.as_secs_f64() * 1_000.0;
        bench.report.note(&format!("activity, {what}: {best:.3} ms at best, its commit apart"));
        bench.report.rates.push(Rate::new("activity", "crier", what, count, time, sum.used));
        bench.report.timings.push(Timing { what: (*what).to_owned(), millis: Millis::new(sum.took) });
    }
    let noted: i64 = sql.value(NOTED, &[&workspace]).await;
    let made = ROUNDS * (posts + WARM_UP + BATCHES * MANY as usize);
    assert_eq!(noted as usize, made, "expected half of the posts to be noted");
    bench.crier().clone().empty(&bench.database).await;
}

/// One after the other; what each took.
async fn create(sql: &Session, workspace: Uuid, account: Uuid, posts: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..posts {
        let start = Instant::now();
        sql.rows(CREATE, &[&workspace, &account]).await;
        took.push(start.elapsed());
    }
    took
}

async fn best(sql: &Session, workspace: Uuid, account: Uuid) -> Duration {
    sql.run("SET synchronous_commit = off").await;
    let mut best = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        sql.rows(CREATE_MANY, &[&workspace, &account, &i64::from(MANY)]).await;
        best = best.min(start.elapsed() / MANY);
    }
    best
}
