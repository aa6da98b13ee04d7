//! The HTTP server: on loopback unless the configuration says otherwise.

mod client_metadata;
mod health;
mod oauth;
mod page;

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::connect::Connector;
use crate::error::Error;
pub(crate) use client_metadata::ClientDocuments;
pub(crate) use health::Health;

/// Binds and serves until the process ends.
pub(crate) async fn serve(
    listen: SocketAddr,
    health: Health,
    connector: Connector,
    documents: ClientDocuments,
) -> Result<(), Error> {
    let cannot = |error: std::io::Error| Error::Refused(format!("cannot listen on {listen}: {error}"));
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let router = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .with_state(health)
        .merge(oauth::router(connector))
        .merge(client_metadata::router(documents));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            warn!(%error, "the HTTP server ended");
        }
    });
    info!(address = %format_args!("http://{address}"), "listening");
    Ok(())
}
