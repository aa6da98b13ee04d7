//! What an account does besides publishing: take a medium back, ask how it does.

use crier_core::error_class::ErrorClass;
use crier_core::platform::instagram::PLATFORM;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::classify::read;
use crate::providers::answer::Phase;
use crate::providers::graph::{Graph, id};
use crate::providers::{Act, Done, Failure, Metrics};

/// Does it.
pub(super) async fn act(server: &Graph<'_>, act: &Act) -> Result<Done, Failure> {
    match act {
        Act::Delete { post } => delete(server, id(post)?, act).await,
        Act::Like { .. } | Act::Follow { .. } | Act::DirectMessage { .. } => {
            Err(Failure::unsupported(PLATFORM.name, act))
        }
    }
}

/// "There is none", "not allowed" and "not offered for this kind" are one answer; whether it can still be read tells the
/// first from the others.
async fn delete(server: &Graph<'_>, post: &str, act: &Act) -> Result<Done, Failure> {
    let deleted: Result<IgnoredAny, _> = read(Phase::Prepare, server.delete(post).await);
    match deleted {
        Err(failure) if failure.class == ErrorClass::TargetMissing => {
            let left: Result<IgnoredAny, _> = read(Phase::Read, server.get(post, &[("fields", "id")]).await);
            match left {
                Ok(_) => Err(Failure::unsupported(PLATFORM.name, act)),
                Err(failure) if failure.class == ErrorClass::TargetMissing => Ok(Done::default()),
                Err(failure) => Err(failure),
            }
        }
        deleted => deleted.map(|_| Done::default()),
    }
}

#[derive(Deserialize)]
struct Insights {
    data: Vec<Value>,
}

/// How a medium does.
pub(super) async fn metrics(server: &Graph<'_>, post: &str) -> Result<Metrics, Failure> {
    let path = format!("{}/insights", id(post)?);
    let answer = server.get(&path, &[("metric", "views,likes,comments,shares")]).await;
    let insights: Insights = read(Phase::Read, answer)?;
    Ok(counted(&insights.data))
}

fn counted(insights: &[Value]) -> Metrics {
    let of = |name: &str| {
        let metric = insights.iter().find(|metric| metric["name"] == name)?;
        metric["values"][0]["value"].as_u64().or_else(|| metric["total_value"]["value"].as_u64())
    };
    Metrics { views: of("views"), likes: of("likes"), replies: of("comments"), shares: of("shares") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_told_is_not_counted() {
        let insights = [
            json!({ "name": "views", "values": [{ "value": 7 }] }),
            json!({ "name": "likes", "total_value": { "value": 2 } }),
            json!({ "name": "comments", "values": [{ "value": "3" }] }),
            json!(1),
        ];
        let expected = Metrics { views: Some(7), likes: Some(2), ..Metrics::default() };
        assert_eq!(counted(&insights), expected);
    }
}
