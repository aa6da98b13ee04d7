//! How long a login takes from the ticket to the connected account, against the simulator: an upper bound of what is ours,
//! because the simulator's own time is in it.

use std::time::Instant;

use serde_json::json;

use super::Bench;
use super::report::{Millis, Target};
use super::targets::add;
use crate::browser::Browser;
use crate::connecting::Connecting;

/// One of so many jobs of a drain is a login here.
const PART: usize = 1_000;
/// What was promised for the 95th of a hundred.
const PROMISED_MS: f64 = 2_000.0;

pub(super) async fn run(bench: &mut Bench) {
    let test = Connecting::on(bench.database.clone()).await;
    let logins = (bench.plan.jobs / PART).clamp(20, 500);
    for (platform, handle) in [("mastodon", "alice"), ("x", "alice"), ("instagram", "alice.test")] {
        test.person(platform, handle);
    }
    let unlimited = json!({"limits": {"users.me": 1_000_000, "oauth2.token": 1_000_000}});
    test.sim.platform("x").set(&unlimited).unwrap_or_else(|error| panic!("{error}"));
    let crierd = test.start().await;
    let mastodon = test.sim.url_of("mastodon");
    for (platform, server) in [("mastodon", Some(mastodon.as_str())), ("x", None), ("instagram", None)] {
        let mut took = Vec::new();
        for _ in 0..logins {
            let (browser, begun) = (Browser::new(), Instant::now());
            let page = test.log_in_with(&browser, platform, server, None).await;
            took.push(begun.elapsed());
            test.connected(&page);
        }
        let millis = Millis::new(took);
        bench.report.note(&format!(
            "logins on {platform}: {logins}, p50 {:.1} ms, p95 {:.1} ms, at most {:.1} ms, the simulator's time included",
            millis.p50_ms, millis.p95_ms, millis.max_ms
        ));
        add(bench, Target::below(&format!("login on {platform}, p95"), Some(millis.p95_ms), PROMISED_MS));
    }
    crierd.kill();
}
