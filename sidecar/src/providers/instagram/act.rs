//! What an account does besides publishing: take a medium back, ask how it does.

use crier_core::platform::instagram::PLATFORM;
use serde_json::Value;

use crate::providers::answer::Phase;
use crate::providers::graph::containers::{failure, is_gone, read};
use crate::providers::graph::{self, Graph, figure, id};
use crate::providers::{Act, Done, Failure, Metrics};

/// Does it.
pub(super) async fn act(server: &Graph<'_>, act: &Act) -> Result<Done, Failure> {
    match act {
        Act::Delete { post } => {
            graph::delete((server, failure), (PLATFORM.name, act, id(post)?), is_gone).await
        }
        Act::Like { .. } | Act::Follow { .. } | Act::DirectMessage { .. } => {
            Err(Failure::unsupported(PLATFORM.name, act))
        }
    }
}

/// How a medium does.
pub(super) async fn metrics(server: &Graph<'_>, post: &str) -> Result<Metrics, Failure> {
    let path = format!("{}/insights", id(post)?);
    let answer = server.get(&path, &[("metric", "views,likes,comments,shares")]).await;
    Ok(counted(&read(Phase::Read, answer)?))
}

fn counted(insights: &Value) -> Metrics {
    let of = |name: &str| figure(insights, name)?.as_u64();
    Metrics { views: of("views"), likes: of("likes"), replies: of("comments"), shares: of("shares") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_told_is_not_counted() {
        let insights = json!({ "data": [
            { "name": "views", "values": [{ "value": 7 }] },
            { "name": "likes", "total_value": { "value": 2 } },
            { "name": "comments", "values": [{ "value": "3" }] },
            1,
        ]});
        let expected = Metrics { views: Some(7), likes: Some(2), ..Metrics::default() };
        assert_eq!(counted(&insights), expected);
    }
}
