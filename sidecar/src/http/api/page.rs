//! `/v1/docs`: a page that shows the routes and lets people try them. All of it is in here: it loads nothing from elsewhere, and its
//! policy lets it do nothing else.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::http::page::document;

const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; form-action 'none'; \
         base-uri 'none'; frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

pub(super) fn router() -> Router {
    Router::new().route("/v1/docs", get(page))
}

async fn page() -> Response {
    let body = html! {
        h1 { "Crier API" }
        p { "Described by " a href="openapi.json" { "openapi.json" } ". What you send here is done." }
        label { "Token " input id="token" type="password" autocomplete="off"; }
        main id="routes" {}
        script { (PreEscaped(SCRIPT)) }
    };
    let text = document("Crier API", &html! { style { (PreEscaped(STYLE)) } }, &body);
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn the_page_is_whole_and_may_do_nothing_else() {
        let response = page().await;
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let body = to_bytes(response.into_body(), 100_000).await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.contains(SCRIPT) && text.contains(STYLE), "expected them as they were hashed");
        assert!(
            !text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML"),
            "{text}"
        );
    }
}
