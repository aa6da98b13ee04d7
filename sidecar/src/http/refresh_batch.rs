//! `POST /v1/oauth/refresh-batch`: renews what is due now, and says what came of it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use tracing::Instrument;

use super::api_key::ApiKeys;
use super::body;
use super::problem::Problem;
use crate::refresh::{BATCH, Refresher};

/// The most bytes of a request.
const MAX_BODY: usize = 4_096;

/// What the route needs.
pub(crate) struct RefreshBatch {
    pub(crate) refresher: Arc<Refresher>,
    pub(crate) keys: ApiKeys,
}

/// What may be asked for; an empty body asks for nothing in particular.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    limit: Option<i32>,
    platform: Option<String>,
}

pub(super) fn routes(state: RefreshBatch) -> Router {
    let RefreshBatch { refresher, keys } = state;
    Router::new().route("/v1/oauth/refresh-batch", keys.guard(post(refresh_batch))).with_state(refresher)
}

async fn refresh_batch(
    State(refresher): State<Arc<Refresher>>,
    headers: HeaderMap,
    asked: Body,
) -> Result<Response, Response> {
    let body = body::read(&headers, asked, MAX_BODY).await.map_err(|why| why.problem(MAX_BODY));
    let wanted = body.and_then(|body| Wanted::read(&body));
    let wanted = wanted.map_err(IntoResponse::into_response)?;
    if let Some(platform) = wanted.platform.as_deref().filter(|platform| !refresher.knows(platform)) {
        let shown: String = platform.chars().take(60).collect();
        let detail = format!("platform is {shown:?}, which this crierd does not know");
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail).into_response());
    }
    // A task of its own: who asked may hang up.
    let asked =
        async move { refresher.batch(wanted.limit.unwrap_or(BATCH), wanted.platform.as_deref()).await };
    match tokio::spawn(asked.in_current_span()).await {
        Ok(Ok(summary)) => Ok(Json(summary).into_response()),
        Ok(Err(error)) => {
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response())
        }
        Err(_) => {
            let detail = "the refresh was interrupted; look into the log of crierd";
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response())
        }
    }
}

impl Wanted {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let wanted: Self = serde_json::from_slice(body).map_err(|error| {
            bad(format!("the body is no JSON object with limit and platform, both optional: {error}"))
        })?;
        match wanted.limit {
            Some(limit) if !(1..=BATCH).contains(&limit) => {
                Err(bad(format!("limit is {limit}; give a number from 1 to {BATCH}")))
            }
            _ => Ok(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_be_missing_and_must_not_be_odd() {
        for (body, limit, platform) in [
            ("", None, None),
            (" \n", None, None),
            ("{}", None, None),
            (r#"{"limit": 7}"#, Some(7), None),
            (r#"{"limit": null, "platform": "x"}"#, None, Some("x")),
        ] {
            let wanted = Wanted::read(body.as_bytes()).unwrap();
            assert_eq!((wanted.limit, wanted.platform.as_deref()), (limit, platform), "{body}");
        }
        for bad in [
            "[",
            "[]",
            "7",
            "null",
            r#"{"limit": 0}"#,
            r#"{"limit": 101}"#,
            r#"{"limit": -1}"#,
            r#"{"limit": "7"}"#,
            r#"{"more": 1}"#,
            r#"{"platform": 7}"#,
            r#"{"limit": 99999999999}"#,
        ] {
            assert_eq!(Wanted::read(bad.as_bytes()).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
    }
}
