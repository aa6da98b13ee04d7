//! The benchmark runs, so that it can't rot. Its figures mean nothing here.

use std::time::Duration;

use clap::ValueEnum;
use crier_tests::bench::{Peer, Plan, Workload, run};

#[tokio::test]
async fn every_part_of_it_measures_something() {
    let plan = Plan {
        time: Duration::from_millis(200),
        jobs: 100,
        peers: vec![Peer::Textbook],
        workloads: Workload::value_variants().to_vec(),
        history: 2_000,
        lines: 1,
        deep: false,
    };
    let report = run(plan).await;
    let count = |workload| report.rates.iter().filter(|rate| rate.workload == workload).count();
    // four ways of Crier and two of the peer; nine by each of two calls and one of the peer
    assert_eq!((count("enqueue"), count("drain"), count("backlog")), (6, 19, 1), "{:?}", report.notes);
    for rate in &report.rates {
        assert!(rate.jobs > 0 && rate.per_second > 0.0 && rate.wal_bytes_per_job > 0.0, "{rate:?}");
    }
    assert_eq!((count("analytics"), count("api"), count("activity")), (3, 1, 2));
    // six variants and the sums later; five of the log
    assert_eq!((count("costs"), count("log line"), count("posts"), count("due")), (7, 5, 3, 1));
    let held = report.held.iter().map(|held| &held.steady);
    let systems: Vec<_> = report.steady.iter().chain(held).map(|steady| steady.system.as_str()).collect();
    assert_eq!(systems, ["crier", "textbook", "crier", "textbook"]);
    for steady in report.steady.iter().chain(report.held.iter().map(|held| &held.steady)) {
        assert!(steady.jobs > 0 && steady.waits.p50_ms <= steady.waits.p99_ms, "{steady:?}");
    }
    let backlog = report.backlogs.first().expect("the backlog");
    assert_eq!((backlog.jobs, backlog.urgent_first), (1_000, 20), "{backlog:?}");
    let limits: Vec<_> = report.limits.iter().map(|limits| (limits.overshot, limits.missing)).collect();
    assert_eq!(limits, [(0, 0); 3], "{:?}", report.limits);
    assert_eq!((report.targets.len(), report.timings.len(), report.plans.len()), (64, 52, 15));
    for target in &report.targets {
        assert!(target.measured.is_some_and(|value| value > 0.0) && target.pass.is_some(), "{target:?}");
    }
    let tables = report.to_string();
    for part in ["1000 a call, 1 connection(s)", "p99", "dead rows", "backlog of 1000 jobs", "targets"] {
        assert!(tables.contains(part), "{part:?} is missing in\n{tables}");
    }
}
