//! What a page does besides publishing: take a post back, ask how it does.

use crier_core::error_class::ErrorClass;
use crier_core::platform::facebook::PLATFORM;
use serde_json::Value;

use super::classify::{failure, read};
use crate::providers::answer::Phase;
use crate::providers::graph::{self, Graph, figure, id, is_id};
use crate::providers::{Act, Done, Failure, Metrics};

/// Does it.
pub(super) async fn act(server: &Graph<'_>, act: &Act) -> Result<Done, Failure> {
    match act {
        Act::Delete { post } => {
            graph::delete((server, failure), (PLATFORM.name, act, id(post)?), |_| false).await
        }
        Act::Like { .. } | Act::Follow { .. } | Act::DirectMessage { .. } => {
            Err(Failure::unsupported(PLATFORM.name, act))
        }
    }
}

/// How a post or a video does. What is counted of both stands in them; how often a post was seen only its insights tell.
pub(super) async fn metrics(server: &Graph<'_>, post: &str) -> Result<Metrics, Failure> {
    let is_video = is_id(id(post)?);
    let fields = match is_video {
        true => "views,likes.summary(true).limit(0)",
        false => "shares",
    };
    let shown: Value = read(Phase::Read, server.get(post, &[("fields", fields)]).await)?;
    let insights = match is_video {
        true => Value::Null,
        false => {
            let metric = "post_total_media_view_unique,post_reactions_by_type_total";
            read(Phase::Read, server.get(&format!("{post}/insights"), &[("metric", metric)]).await)?
        }
    };
    Ok(counted(&shown, &comments(server, post).await?, &insights))
}

/// The comments, counted; nothing where the page's login does not let them be read, which is a right of its own.
async fn comments(server: &Graph<'_>, post: &str) -> Result<Value, Failure> {
    let fields = [("fields", "comments.summary(true).limit(0)")];
    match read(Phase::Read, server.get(post, &fields).await) {
        Err(failure) if failure.class == ErrorClass::Permission => Ok(Value::Null),
        told => told,
    }
}

fn counted(shown: &Value, comments: &Value, insights: &Value) -> Metrics {
    let total = |told: &Value, name: &str| told[name]["summary"]["total_count"].as_u64();
    let views = figure(insights, "post_total_media_view_unique").and_then(Value::as_u64);
    // By their kinds: a page counts every reaction as a like.
    let reactions = figure(insights, "post_reactions_by_type_total").and_then(Value::as_object);
    let reactions = reactions.map(|kinds| kinds.values().filter_map(Value::as_u64).sum());
    Metrics {
        views: views.or(shown["views"].as_u64()),
        likes: reactions.or_else(|| total(shown, "likes")),
        replies: total(comments, "comments"),
        shares: shown["shares"]["count"].as_u64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_told_is_not_counted() {
        let shown = json!({ "shares": { "count": 4 } });
        let comments = json!({ "comments": { "summary": { "total_count": 3 } } });
        let insights = json!({ "data": [
            { "name": "post_total_media_view_unique", "values": [{ "value": 7 }] },
            { "name": "post_reactions_by_type_total", "values": [{ "value": { "like": 2, "love": 1, "x": "y" } }] },
        ]});
        let all = Metrics { views: Some(7), likes: Some(3), replies: Some(3), shares: Some(4) };
        assert_eq!(counted(&shown, &comments, &insights), all);
        let video = json!({ "views": 9, "likes": { "summary": { "total_count": 1 } } });
        let expected = Metrics { views: Some(9), likes: Some(1), ..Metrics::default() };
        assert_eq!(counted(&video, &Value::Null, &Value::Null), expected);
        assert_eq!(counted(&json!(1), &json!(1), &json!([])), Metrics::default());
    }
}
