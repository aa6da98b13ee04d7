//! What limits cost: 1,000 accounts, of which a few have most of the jobs, each with a rate limit. Nothing is measured
//! before the library has limits to set.

use super::Bench;

const MISSING: &str =
    "limits (1,000 accounts, Zipf-distributed load): skipped, this library has no crier.set_rate_limit";
const UNWRITTEN: &str = "limits (1,000 accounts, Zipf-distributed load): not measured yet, though the library has \
                         crier.set_rate_limit: write tests/src/bench/limits.rs";

pub(super) async fn run(bench: &mut Bench) {
    bench.report.note(if bench.abilities.rate_limits { UNWRITTEN } else { MISSING });
}
