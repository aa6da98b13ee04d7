//! The pages people see: plain, without scripts, readable for every browser and screen reader.

use std::sync::LazyLock;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::connect::{Offered, Reason};

const STYLE: &str = include_str!("page.css");

/// The only style a browser may use here.
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(STYLE)));

/// Says why nothing was connected.
pub(super) fn ended(reason: Reason) -> Response {
    let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let title = "Not connected";
    let content = html! {
        h1 { (title) }
        p role="alert" { (reason.sentence()) }
        p class="code" { "Code: " code { (reason.code()) } }
    };
    page(status, title, &content, "'none'")
}

/// Asks which accounts are to be connected.
pub(super) fn choose(offered: &Offered, action: &str) -> Response {
    let title = "Choose accounts";
    let application = offered.back.origin().ascii_serialization();
    let content = html! {
        h1 { (title) }
        p {
            "You have given access to several accounts. Choose those to connect to " strong { (application) }
            "; the others are forgotten."
        }
        form method="post" action=(action) {
            input type="hidden" name="choice" value=(offered.choice.expose_secret());
            fieldset {
                legend { "Accounts on " (offered.platform) }
                @for (at, (id, handle)) in offered.accounts.iter().enumerate() {
                    div {
                        input type="checkbox" name="account" value=(id) id=(format!("account-{at}")) checked;
                        label for=(format!("account-{at}")) { (handle) }
                    }
                }
            }
            button type="submit" { "Connect" }
            button type="submit" name="cancel" value="1" { "Cancel" }
        }
    };
    // Browsers hold redirects after a form to this too.
    let forms = format!("'self' {application}");
    page(StatusCode::OK, title, &content, &forms)
}

fn page(status: StatusCode, title: &str, content: &Markup, forms: &str) -> Response {
    let text = document(title, &html! { style { (PreEscaped(STYLE)) } }, &html! { main { (content) } });
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'",
        *STYLE_HASH
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    keep_secret(headers);
    response
}

/// A document: what every page begins with, and then its own.
pub(super) fn document(title: &str, head: &Markup, body: &Markup) -> String {
    let text = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                (head)
            }
            body { (body) }
        }
    };
    text.into_string()
}

/// Neither a cache nor the next page learns what this one's address was.
pub(super) fn keep_secret(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use url::Url;

    use super::*;

    async fn text(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), 100_000).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn names_of_accounts_are_text() {
        let offered = Offered {
            choice: "c\"1".into(),
            platform: "instagram".into(),
            accounts: vec![("1".into(), "<script>alert(1)</script>".into()), ("\"><b".into(), "bob".into())],
            back: Url::parse("https://app.example/x").unwrap(),
        };
        let response = choose(&offered, "https://c.example/oauth/choose");
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[REFERRER_POLICY], "no-referrer");
        let text = text(response).await;
        assert!(!text.contains("<script>") && !text.contains("\"><b"), "{text}");
        assert!(text.contains("<strong>https://app.example</strong>"), "{text}");
        assert!(text.contains("&lt;script&gt;") && text.contains("c&quot;1"), "{text}");
        assert!(text.contains("<label for=\"account-1\">bob</label>"), "{text}");
    }

    #[tokio::test]
    async fn an_end_is_said_in_words() {
        let response = ended(Reason::Expired);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let text = text(response).await;
        assert!(text.contains("begin again") && text.contains("<code>expired</code>"), "{text}");
    }
}
