//! A short soak: real worker processes and real sessions, one of which is killed, and the server with it. `make soak`
//! does it at length.

use std::path::Path;
use std::time::Duration;

use crier_tests::soak::history::FaultKind;
use crier_tests::soak::{Faults, Plan, run};

#[tokio::test]
async fn nothing_is_lost_or_done_twice_while_processes_are_killed() {
    const JOBS: u64 = 3_000;
    let dir = tempfile::tempdir().expect("a directory");
    let script = vec![FaultKind::KillBackend, FaultKind::KillWorker];
    let plan = Plan {
        jobs: JOBS,
        workers: 8,
        processes: 2,
        producers: 3,
        pause: Duration::from_millis(100),
        seed: 1,
        dir: dir.path().to_owned(),
        program: Path::new(env!("CARGO_BIN_EXE_crier-soak")).to_owned(),
        faults: Faults::Script(script.clone(), Duration::from_millis(700)),
        deadline: Duration::from_secs(120),
        settings: vec![],
        order: true,
    };
    let verdict = run(&plan).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(verdict.violations.is_empty(), "{verdict}");
    for kind in script {
        // twice where there was nobody to kill at first
        assert!(verdict.faults.contains_key(&kind), "{verdict}");
    }
    let count = |what| verdict.counts.get(what).copied().unwrap_or_default() as u64;
    // some were rolled back, some were duplicates, and some were asked for when the server was killed
    assert!((JOBS * 8 / 10..=JOBS).contains(&count("jobs")), "{verdict}");
    assert!(count("completed") > JOBS * 7 / 10, "{verdict}");
    assert!(count("hand-outs with order") > 0, "{verdict}");
}
