//! `/v1/worker`: what an operator asks and tells the loop of this crierd.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::Instrument;

use super::api_key::ApiKeys;
use super::body;
use super::problem::Problem;
use crate::db::Db;
use crate::worker::{Control, Refused, Standing, Summary};

/// The most bytes of a request.
const MAX_BODY: usize = 1_024;
/// The most jobs of a batch, and how many where nothing is said.
const MAX_BATCH: usize = 1_000;
const USUAL_BATCH: usize = 100;

/// What the routes need.
#[derive(Clone)]
pub(crate) struct WorkerRoutes {
    pub(crate) control: Control,
    pub(crate) db: Db,
    pub(crate) keys: ApiKeys,
    /// As the view of jobs calls this crierd.
    pub(crate) name: String,
}

/// What may be asked for; an empty body asks for nothing in particular.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    max: Option<usize>,
}

pub(super) fn routes(state: WorkerRoutes) -> Router {
    let keys = state.keys.clone();
    let start = post(|state: State<WorkerRoutes>| claim(state, true));
    let stop = post(|state: State<WorkerRoutes>| claim(state, false));
    Router::new()
        .route("/v1/worker", keys.guard(get(stats)))
        .route("/v1/worker/start", keys.guard(start))
        .route("/v1/worker/stop", keys.guard(stop))
        .route("/v1/worker/process-batch", keys.guard(post(batch)))
        .with_state(state)
}

async fn stats(State(state): State<WorkerRoutes>) -> Result<Json<Value>, Response> {
    let unavailable =
        |error: crate::error::Error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    let figures = state.db.worker_figures().await.map_err(|error| unavailable(error).into_response())?;
    let mut told = standing(&state.name, state.control.standing());
    told["queue"] = figures.queue;
    told["workers"] = figures.workers.into();
    Ok(Json(told))
}

async fn claim(State(state): State<WorkerRoutes>, claims: bool) -> Result<Json<Value>, Response> {
    state.control.claim(claims).await.map_err(refused)?;
    Ok(Json(standing(&state.name, state.control.standing())))
}

async fn batch(
    State(state): State<WorkerRoutes>,
    headers: HeaderMap,
    asked: Body,
) -> Result<Json<Summary>, Response> {
    let body = body::read(&headers, asked, MAX_BODY).await.map_err(|why| why.problem(MAX_BODY));
    let max = body.and_then(|body| Wanted::read(&body)).map_err(IntoResponse::into_response)?;
    // A task of its own: who asked may hang up.
    let asked = async move { state.control.batch(max).await };
    let summary = tokio::spawn(asked.in_current_span()).await.unwrap_or(Err(Refused::Ending));
    summary.map(Json).map_err(refused)
}

fn standing(name: &str, Standing { claiming, batch, running, concurrency }: Standing) -> Value {
    json!({ "worker": name, "claiming": claiming, "batch": batch, "running": running, "concurrency": concurrency })
}

fn refused(why: Refused) -> Response {
    let status = match why {
        Refused::Busy => StatusCode::CONFLICT,
        Refused::NoDatabase | Refused::Ending => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, why.to_string()).into_response()
}

impl Wanted {
    /// How many jobs are asked for.
    fn read(body: &[u8]) -> Result<usize, Problem> {
        let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
        let wanted: Self = match body.trim_ascii() {
            [] => Self::default(),
            body => serde_json::from_slice(body).map_err(|error| {
                bad(format!("the body is no JSON object with max, which is optional: {error}"))
            })?,
        };
        match wanted.max.unwrap_or(USUAL_BATCH) {
            max @ 1..=MAX_BATCH => Ok(max),
            max => Err(bad(format!("max is {max}; give a number from 1 to {MAX_BATCH}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_a_size() {
        for (body, max) in
            [("", USUAL_BATCH), ("{}", USUAL_BATCH), (r#"{"max": 7}"#, 7), (r#"{"max": null}"#, 100)]
        {
            assert_eq!(Wanted::read(body.as_bytes()).unwrap(), max, "{body}");
        }
        for bad in [
            "[",
            "7",
            r#"{"max": 0}"#,
            r#"{"max": 1001}"#,
            r#"{"max": -1}"#,
            r#"{"max": "7"}"#,
            r#"{"n": 1}"#,
        ] {
            assert_eq!(Wanted::read(bad.as_bytes()).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
    }
}
