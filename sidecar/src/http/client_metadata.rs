//! `/oauth/client-metadata.json` and `/oauth/jwks.json`: what servers of the AT Protocol read about this sidecar when somebody
//! connects an account there.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::connect::redirect_uri;
use crate::providers::BlueskySettings;
use crate::providers::bluesky_app::{JWKS_PATH, METADATA_PATH, metadata};

/// New keys are in them after a restart: nobody should believe the old ones for long.
const CACHE: &str = "public, max-age=300";

/// What is told.
#[derive(Debug, Clone)]
pub(crate) struct ClientDocuments {
    metadata: Option<Value>,
    jwks: Value,
}

impl ClientDocuments {
    pub(crate) fn new(public_url: Option<&str>, settings: &BlueskySettings) -> Self {
        let keys = &settings.client_keys;
        let metadata =
            public_url.and_then(|url| metadata(url, &redirect_uri(url, "bluesky", "", false), keys));
        Self { metadata, jwks: keys.jwks() }
    }
}

pub(super) fn router(documents: ClientDocuments) -> Router {
    let ClientDocuments { metadata, jwks } = documents;
    let (status, metadata) = match metadata {
        Some(metadata) => (StatusCode::OK, metadata),
        None => (
            StatusCode::NOT_FOUND,
            json!({ "error": "http.public_url is not an address that servers reach" }),
        ),
    };
    Router::new()
        .route(METADATA_PATH, get(async move || document(status, metadata)))
        .route(JWKS_PATH, get(async move || document(StatusCode::OK, jwks)))
}

fn document(
    status: StatusCode,
    content: Value,
) -> (StatusCode, [(HeaderName, &'static str); 2], Json<Value>) {
    (status, [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, CACHE)], Json(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(public_url: Option<&str>, path: &str) -> (u16, Value) {
        let documents = ClientDocuments::new(public_url, &BlueskySettings::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router(documents)).await });
        let client = crate::client::Client::new().unwrap();
        let answer = client.send(client.request(reqwest::Method::GET, &url)).await.unwrap();
        assert_eq!(answer.header(&CONTENT_TYPE), Some("application/json"));
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    #[tokio::test]
    async fn servers_read_who_asks() {
        let (status, document) = get(Some("https://crier.example"), "/oauth/client-metadata.json").await;
        assert_eq!(status, 200);
        assert_eq!(document["client_id"], "https://crier.example/oauth/client-metadata.json");
        assert_eq!(document["redirect_uris"], json!(["https://crier.example/oauth/bluesky/callback"]));
        let (status, keys) = get(Some("https://crier.example"), "/oauth/jwks.json").await;
        assert_eq!((status, keys), (200, json!({ "keys": [] })));
        for unreachable in [None, Some("http://127.0.0.1:8480")] {
            assert_eq!(get(unreachable, "/oauth/client-metadata.json").await.0, 404);
        }
    }
}
