//! Many expiring tokens and several sidecars: each is renewed, none twice. `CRIER_TEST_REFRESHES=10000` for more of them, with the
//! sidecar built for release.

use std::time::{Duration, Instant};

use crier_tests::seal::Key;
use crier_tests::wait::wait_for;

use super::*;

fn size() -> usize {
    let text = std::env::var("CRIER_TEST_REFRESHES").ok();
    text.map_or(150, |text| {
        text.parse().unwrap_or_else(|error| panic!("CRIER_TEST_REFRESHES is {text:?}: {error}"))
    })
}

#[tokio::test]
async fn each_is_renewed_and_none_twice() {
    let (sim, stage) = strict(Database::private().await).await;
    let many = size();
    // no limit of the platform's: as many as there are
    sim.platform("x").set(&json!({"limits": {REFRESH: 1_000_000}})).expect("settings");
    connect(&sim, &stage, many - 1).await;
    stage.sql.run("ANALYZE crier.credential; ANALYZE crier.social_account").await;
    let sidecars = [start(&stage).await, start(&stage).await];
    let begun = Instant::now();
    backdoor::make_refreshes_due(&stage.sql).await;
    let left = "SELECT count(*) FROM crier.credential WHERE generation = 1";
    let deadline = Duration::from_secs(60) + Duration::from_millis(50) * many as u32;
    wait_for("all tokens to be renewed", deadline, async || match stage.sql.text(left).await.as_str() {
        "0" => Ok(()),
        some => Err(format!("{some} are not")),
    })
    .await;
    let took = begun.elapsed();
    let peak = sidecars.iter().map(|sidecar| sidecar.usage().peak_bytes).max().unwrap_or_default();
    let cpu: f64 = sidecars.iter().map(|sidecar| sidecar.usage().cpu_seconds).sum();
    eprintln!(
        "{many} tokens by two sidecars in {took:.1?}: {:.0} a second, at most {} MiB and together {cpu:.1} s of a processor",
        many as f64 / took.as_secs_f64(),
        peak >> 20
    );
    assert_eq!(sim.calls(REFRESH), many, "expected one call for each");
    let events =
        "SELECT count(*), count(DISTINCT account_id) FROM crier.events WHERE kind = 'token_refreshed'";
    assert_eq!(stage.sql.text(events).await, format!("{many}|{many}"));
    let odd = "SELECT count(*) FROM crier.credential WHERE generation <> 2 OR refresh_failures > 0 OR refresh_unclear_since IS NOT NULL";
    assert_eq!(stage.sql.text(odd).await, "0");
    wait_until("the records of the journal", 0, async || journal(&stage).len()).await;
    let slow = sidecars.iter().flat_map(|sidecar| longest(&sidecar.log())).fold(0.0, f64::max);
    eprintln!("the longest batch took {slow:.2} s");
}

/// How long batches took.
fn longest(log: &str) -> Vec<f64> {
    let lines = log.lines().filter(|line| line.contains("expiring tokens were refreshed"));
    lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()?["seconds"].as_f64()).collect()
}

/// Connects more accounts, sealed as the sidecar does it.
async fn connect(sim: &Sim, stage: &Stage, many: usize) {
    let key = Key::of_file(&stage.deployment.dir().join("crier.key"));
    let server = sim.url_of("x");
    stage.sql.run("BEGIN").await;
    for n in 0..many {
        let (handle, access, refresh) =
            (format!("user{n}"), format!("access-{n}-canary"), format!("refresh-{n}-canary"));
        let id = sim.add_account("x", &handle, &format!("{access}:{refresh}"));
        let sql = "SELECT account_id FROM crier.connect_account($1, 'x', $2, $3, $4)";
        let account = stage.sql.value(sql, &[&stage.workspace, &id, &handle, &server]).await;
        let plain =
            json!({"access_jwt": access, "refresh_jwt": refresh, "expires_at": null, "server": server})
                .to_string();
        let sealed = key.seal(stage.workspace, account, &plain);
        let sql = "SELECT crier.store_credential($1, 1, $2, now() + interval '2 hours')";
        let stored: bool = stage.sql.value(sql, &[&account, &sealed]).await;
        assert!(stored);
    }
    stage.sql.run("COMMIT").await;
}
