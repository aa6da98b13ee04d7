//! The API for users: every route calls one function of SQL as its caller, in a transaction of its own. What they may do and see is
//! decided there, and what is refused there is refused here in the same words.

mod arguments;
mod call;
mod document;
mod frame;
mod limit;
mod machines;
mod once;
mod page;
mod route;
mod routes;
mod schema;
mod schemas;
mod states;
mod tokens;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, get, on};
use tokio::net::TcpListener;
use tracing::info;

use super::connections::Connections;
use super::dashboard;
use super::requests::{self, Recording, Requests};
use crate::client::Client;
use crate::config;
use crate::config::{Bounds, Database};
use crate::db::Db;
use crate::error::Error;
use crate::metrics::Metrics;
pub(super) use call::{AROUND, WAIT};
pub(super) use limit::seconds as seconds_until_room;
use machines::Machines;
pub(super) use route::Endpoint;
use route::{Method, Route};
pub(super) use states::status as status_of;
use tokens::Verifier;
pub(super) use tokens::{Identity, Refused};

/// Connections by which requests are counted.
const COUNTING: usize = 4;

/// What calls need.
pub(super) struct Api {
    /// By which calls are made.
    pub(super) db: Db,
    /// The sidecar's own login, by which requests are counted, and the dashboard hears that something happened. Not the worker's
    /// pool: what it does shall wait behind no request.
    pub(super) own: Db,
    pub(super) verifier: Verifier,
    machines: Machines,
    pub(super) bounds: Bounds,
}

/// The API while it is served.
pub(crate) struct Serving {
    connections: Connections,
    recording: Option<Recording>,
}

impl Serving {
    /// Lets the last answers go out, and tells of them what there is to tell, for so long.
    pub(crate) async fn finish(self, limit: Duration) {
        self.connections.finish().await;
        if let Some(recording) = self.recording {
            recording.finish(limit).await;
        }
    }
}

/// Binds and serves until the process ends; answers with what lets the last answers go out.
pub(crate) async fn serve_api(
    settings: &config::Api,
    database: &Database,
    worker: Db,
    client: Client,
    metrics: Metrics,
    connecting: dashboard::Connecting,
) -> Result<Serving, Error> {
    let listen = settings.listen;
    let bounds = settings.bounds;
    let verifier = Verifier::load(&settings.tokens, client)?;
    let (noting, recording) = Requests::start(metrics, settings.metrics.then_some(worker));
    let api = Arc::new(Api {
        db: db(settings, database)?,
        own: Db::with_connections(database, COUNTING, WAIT)?,
        verifier,
        machines: Machines::default(),
        bounds,
    });
    let mut router = router(Arc::clone(&api), &settings.cors_origins)?;
    if let Some(shown) = &settings.dashboard {
        router = router.merge(dashboard::router(api, connecting, &shown.sign_in_origins));
    }
    let router = router.layer(from_fn_with_state(noting, requests::noted));
    let cannot =
        |error: std::io::Error| Error::Refused(format!("cannot listen on {listen} for the API: {error}"));
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address: SocketAddr = listener.local_addr().map_err(cannot)?;
    let connections = Connections::default();
    tokio::spawn(connections.clone().serve_most(listener, router, bounds.connections));
    info!(address = %format_args!("http://{address}/v1"), "the API is served");
    Ok(Serving { connections, recording })
}

/// A pool of its own: callers do not take the worker's connections.
pub(crate) fn db(settings: &config::Api, database: &Database) -> Result<Db, Error> {
    let url = settings.database_url.as_ref().unwrap_or(&database.url);
    let database = Database { url: url.clone(), ..database.clone() };
    Db::with_connections(&database, settings.bounds.database_connections, WAIT)
}

fn router(api: Arc<Api>, origins: &[String]) -> Result<Router, Error> {
    let document = document::document().to_json();
    let document =
        document.map_err(|error| Error::Refused(format!("the API can't be described: {error}")))?;
    let json = HeaderValue::from_static("application/json");
    let routed = routes::all().fold(Router::new(), |router, route| {
        let answer =
            move |state: State<Arc<Api>>,
                  path: Result<RawPathParams, RawPathParamsRejection>,
                  request: Request| { call::answer(route, state, path, request) };
        router.route(route.path, on(filter(route), answer))
    });
    Ok(routed
        .with_state(api)
        .route(
            "/v1/openapi.json",
            get(move || async move { ([(CONTENT_TYPE, json)], document).into_response() }),
        )
        .merge(page::router())
        .fallback(frame::no_such_path)
        .method_not_allowed_fallback(frame::no_such_method)
        .layer(frame::cors(origins))
        .layer(from_fn(frame::frame)))
}

fn filter(route: &Route) -> MethodFilter {
    match route.method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Patch => MethodFilter::PATCH,
        Method::Put => MethodFilter::PUT,
        Method::Delete => MethodFilter::DELETE,
    }
}
