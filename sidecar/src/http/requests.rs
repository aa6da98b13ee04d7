//! Requests that were answered, as those who operate this look at them: counted here for Prometheus, and told the database, which
//! hears of all API servers (`crier.record_api_metrics`) and has alerts for them.
//!
//! Of a request the pattern of its route is told, its method, the status, how long it took until the answer began, and who asked.
//! Nobody waits for that: it is kept in memory, where what is too much is dropped.

mod recording;
mod waiting;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, Method};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::metrics::counter::Counter;
use uuid::Uuid;

use crate::db::Db;
use crate::metrics::Metrics;
pub(crate) use recording::Recording;
use waiting::{Answered, Waiting};

/// All addresses without a route: what strangers call them is no name.
const NO_ROUTE: &str = "(none)";

/// What became of requests that the database was to be told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// The database has them.
    pub(crate) recorded: Counter,
    /// It has not, or nobody knows: too many were waiting, or it did not take them.
    pub(crate) dropped: Counter,
}

/// Notes what was answered.
#[derive(Clone)]
pub(crate) struct Requests {
    metrics: Metrics,
    /// Without it the database is told nothing.
    waiting: Option<Arc<Waiting>>,
}

/// Who asks, once that is known.
#[derive(Clone, Default)]
pub(super) struct Asking(Arc<OnceLock<Uuid>>);

impl Requests {
    /// Notes from now on, and tells the database, if there is one.
    pub(super) fn start(metrics: Metrics, db: Option<Db>) -> (Self, Option<Recording>) {
        let waiting = db.map(|db| (Arc::new(Waiting::new(metrics.requests().clone())), db));
        let recording =
            waiting.as_ref().map(|(waiting, db)| Recording::start(db.clone(), Arc::clone(waiting)));
        (Self { metrics, waiting: waiting.map(|(waiting, _)| waiting) }, recording)
    }
}

impl Asking {
    /// Says who.
    pub(super) fn is(extensions: &Extensions, user: Uuid) {
        if let Some(asking) = extensions.get::<Self>() {
            // it is said once
            let _ = asking.0.set(user);
        }
    }
}

/// Notes a request and its answer.
pub(super) async fn noted(State(requests): State<Requests>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let (method, asking) = (name(request.method()), Asking::default());
    request.extensions_mut().insert(asking.clone());
    let response = next.run(request).await;
    let (took, status) = (begun.elapsed(), response.status().as_u16());
    let route = path.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    requests.metrics.answered(route, method, status, took);
    if let Some(waiting) = &requests.waiting {
        let user = asking.0.get().copied();
        waiting.add(Answered { route: route.to_owned(), method, status, took, at: Instant::now(), user });
    }
    response
}

/// Strangers don't name methods either.
fn name(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("(other)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_those_that_there_are() {
        assert_eq!(name(&Method::PATCH), "PATCH");
        assert_eq!(name(&Method::from_bytes(b"CANARY").unwrap()), "(other)");
    }
}
