//! The queues that Crier is compared with, on the same server.

pub(super) mod graphile;
pub(super) mod pgmq;
mod textbook;

use super::{Bench, Peer, Workload};

/// Makes the tables of those that were asked for; what can't be had is noted.
pub(super) async fn install(bench: &mut Bench) {
    let compared = [Workload::Enqueue, Workload::Drain, Workload::Steady, Workload::Held];
    if !bench.plan.workloads.iter().any(|workload| compared.contains(workload)) {
        return;
    }
    for peer in bench.plan.peers.clone() {
        let problem = match peer {
            Peer::Textbook => {
                bench.systems.push(textbook::install(&bench.database).await);
                continue;
            }
            Peer::Pgmq => match pgmq::install(&bench.database).await {
                Ok(systems) => {
                    bench.systems.extend(systems);
                    continue;
                }
                Err(problem) => problem,
            },
            Peer::Graphile => match graphile::install(&bench.database) {
                Ok(graphile) => {
                    bench.graphile = Some(graphile);
                    continue;
                }
                Err(problem) => problem,
            },
        };
        bench.report.note(&format!("{peer:?}: skipped, {problem}"));
    }
}
