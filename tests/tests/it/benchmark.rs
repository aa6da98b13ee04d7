//! The benchmark runs, so that it can't rot. Its figures mean nothing here.

use std::time::Duration;

use crier_tests::bench::{Plan, run};

#[tokio::test]
async fn every_part_of_it_measures_something() {
    let report = run(Plan { time: Duration::from_millis(100), jobs: 500 }).await;
    assert_eq!(report.rates.len(), 9);
    for rate in &report.rates {
        assert!(rate.jobs > 0 && rate.per_second > 0.0, "{rate:?}");
    }
    let wait = report.pick_up.as_ref().expect("the pick-up");
    assert!(wait.jobs > 5 && wait.p50_ms <= wait.p99_ms, "{wait:?}");
    let table = report.to_string();
    assert!(table.contains("enqueue_many, 1000 jobs a call") && table.contains("p99"), "{table}");
}
