//! What publishing costs: posts a second through one sidecar against the simulator, with few and with many in flight, what the
//! sidecar uses for it, and what the record of the intent adds to each post.

use std::time::Instant;

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::Bench;
use super::client::connect;
use super::report::{Millis, Rate, Timing};
use super::targets::times;
use crate::sim::Sim;
use crate::stage::Stage;
use crate::wait::{SOON, wait_for};

const IN_FLIGHT: [usize; 3] = [3, 32, 256];
/// One of so many jobs of a drain is a post here.
const PART: usize = 50;
/// Intents that are timed.
const INTENTS: i64 = 100;

const CREATE: &str = "SELECT count(crier.create_post($1, 'post ' || n, ARRAY[$2::uuid])) FROM generate_series(1, $3::bigint) n";
const PUBLISHED: &str =
    "SELECT count(*) FROM crier.post_target WHERE account_id = $1 AND state = 'published'";
const CLAIM: &str = "SELECT job_id, token FROM crier.claim_jobs('bench', $1, kinds => '{publish_post}')";
const START: &str = "SELECT count(*) FROM crier.start_target($1, $2)";
const INTENT: &str =
    "SELECT platform_key FROM crier.record_intent($1, $2, 'a key', '{\"text\": \"post\"}', '1 minute')";

/// Who is asked how many posts there are.
#[derive(Clone, Copy, Debug)]
enum Count {
    Platform,
    Database,
}

pub(super) async fn run(bench: &mut Bench) {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, bench.database.clone()).await;
    stage.without_pace().await;
    // what one account and one server may have at once is what is measured here
    let unbounded = "UPDATE crier.platform_policy SET account_concurrency = NULL, server_concurrency = NULL";
    stage.sql.run(unbounded).await;
    let posts = (bench.plan.jobs / PART).max(20);
    let mut done: i64 = 0;
    for in_flight in IN_FLIGHT {
        let variables = [("CRIER_WORKER_CONCURRENCY", in_flight.to_string())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let crierd = stage.deployment.start_with(&variables).await;
        let at_rest = crierd.usage();
        let before = bench.meter.read(&stage.sql).await;
        stage.sql.rows(CREATE, &[&stage.workspace, &stage.account, &(posts as i64)]).await;
        let start = Instant::now();
        done += posts as i64;
        // by the platform's own count first: to count in the database costs it more than to publish
        for count in [Count::Platform, Count::Database] {
            wait_for("the posts to be published", 10 * SOON, async || {
                let published = match count {
                    Count::Platform => sim.published() as i64,
                    Count::Database => stage.sql.value(PUBLISHED, &[&stage.account]).await,
                };
                if published == done { Ok(()) } else { Err((count, published)) }
            })
            .await;
        }
        let took = start.elapsed();
        let used = bench.meter.since(before, &stage.sql).await;
        let usage = crierd.usage();
        crierd.kill();
        let how = format!("{in_flight} in flight");
        bench.report.rates.push(Rate::new("posts", "crier", &how, posts, took, used));
        bench.report.note(&format!(
            "posts, {how}: crierd used {:.3} CPU s/1000 and at most {:.0} MB ({:.0} MB at rest)",
            (usage.cpu_seconds - at_rest.cpu_seconds) * 1_000.0 / posts as f64,
            usage.peak_bytes as f64 / 1e6,
            at_rest.peak_bytes as f64 / 1e6
        ));
    }
    intents(bench, &stage).await;
    bench.crier().clone().empty(&bench.database).await;
}

/// How long it takes to record what will be sent, on the disk.
async fn intents(bench: &mut Bench, stage: &Stage) {
    let sql = connect(&bench.database).await;
    sql.rows(CREATE, &[&stage.workspace, &stage.account, &INTENTS]).await;
    let held = sql.rows(CLAIM, &[&(INTENTS as i32)]).await;
    let held: Vec<(Uuid, i64)> = held.iter().map(|row| (row.get(0), row.get(1))).collect();
    let calls: Vec<Vec<&(dyn ToSql + Sync)>> =
        held.iter().map(|(job, token)| vec![job as _, token as _]).collect();
    times(&sql, START, &calls).await;
    let millis = Millis::new(times(&sql, INTENT, &calls).await);
    bench.report.timings.push(Timing { what: "the record of an intent, on the disk".to_owned(), millis });
}
