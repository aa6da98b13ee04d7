//! The HTTP server: on loopback unless the configuration says otherwise.

mod api;
mod api_key;
mod body;
mod client_metadata;
mod connections;
mod dashboard;
mod health;
mod metrics;
mod oauth;
mod page;
mod problem;
mod recent;
mod refresh_batch;
mod request_id;
mod requests;
mod webhooks;
mod worker;

use std::net::SocketAddr;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use tokio::net::TcpListener;
use tracing::info;

use crate::connect::Connector;
use crate::error::Error;
pub(crate) use api::{db as api_db, serve_api};
pub(crate) use api_key::ApiKeys;
pub(crate) use client_metadata::ClientDocuments;
pub(crate) use connections::Connections;
pub(crate) use dashboard::Connecting;
pub(crate) use health::Health;
pub(crate) use metrics::serve_metrics;
pub(crate) use refresh_batch::RefreshBatch;
pub(crate) use requests::Counts as RequestCounts;
pub(crate) use webhooks::Intake;
pub(crate) use worker::WorkerRoutes;

/// What operators may call, with an API key.
pub(crate) struct Operator {
    pub(crate) refresh_batch: RefreshBatch,
    pub(crate) worker: WorkerRoutes,
}

/// Binds and serves until the process ends; answers with what lets the last answers go out.
pub(crate) async fn serve(
    listen: SocketAddr,
    health: Health,
    connector: Connector,
    documents: ClientDocuments,
    operator: Operator,
    intake: Intake,
) -> Result<Connections, Error> {
    let cannot = |error: std::io::Error| Error::Refused(format!("cannot listen on {listen}: {error}"));
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let router = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .with_state(health)
        .merge(oauth::router(connector))
        .merge(client_metadata::router(documents))
        .merge(refresh_batch::routes(operator.refresh_batch))
        .merge(dashboard::operator_routes(operator.worker.db.clone(), &operator.worker.keys))
        .merge(worker::routes(operator.worker))
        .merge(webhooks::router(intake))
        .layer(from_fn(request_id::numbered));
    let connections = Connections::default();
    tokio::spawn(connections.clone().serve(listener, router));
    info!(address = %format_args!("http://{address}"), "listening");
    Ok(connections)
}
