//! Signing in with the token that the API takes, and out again.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, SET_COOKIE};
use axum::response::Response;
use chrono::Utc;
use maud::{Markup, html};

use super::super::access::{Person, ends_at};
use super::super::cookie::{self, Cookie};
use super::super::forgery::{self, Form};
use super::super::stop::Stop;
use super::super::{Dashboard, ROOT, acts, shell};
use crate::http::api::Refused;

/// What is shown to nobody, in the place of the page they asked for. The cookie is not sent where a link of another site leads
/// here; so the page may only have to be asked for again, from here.
pub(in crate::http::dashboard) fn asked(why: Option<&Refused>, to: &str) -> Response {
    let (status, words) = match why {
        None => (StatusCode::UNAUTHORIZED, None),
        Some(Refused::NoKeys) => (StatusCode::SERVICE_UNAVAILABLE, Some(Refused::NoKeys.to_string())),
        Some(refused) => (StatusCode::UNAUTHORIZED, Some(refused.to_string())),
    };
    shell::bare(status, "Sign in", &view(words.as_deref(), to, why.is_none()))
}

fn view(problem: Option<&str>, to: &str, may_be_signed_in: bool) -> Markup {
    html! {
        h1 { "Sign in to Crier" }
        @if let Some(problem) = problem { p class="problem" role="alert" { "You are not signed in: " (problem) "." } }
        form method="post" action=(format!("{ROOT}/sign-in")) {
            input type="hidden" name="to" value=(to);
            label for="token" { "Your token" }
            p class="hint" id="token-hint" { "The access token that your application gives you: three parts with dots between them." }
            input id="token" name="token" type="password" autocomplete="off" spellcheck="false" required aria-describedby="token-hint";
            button type="submit" { "Sign in" }
        }
        @if may_be_signed_in {
            p { a href=(to) data-again { "I am signed in already" } }
        }
    }
}

pub(in crate::http::dashboard) async fn get() -> Response {
    shell::bare(StatusCode::OK, "Sign in", &view(None, ROOT, false))
}

pub(in crate::http::dashboard) async fn post(
    State(dashboard): State<Arc<Dashboard>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Stop> {
    if !forgery::may_sign_in(&headers, &dashboard.origins) {
        return Err(Stop::Forged);
    }
    let form = forgery::read_any(&headers, body).await?;
    let to = acts::back(&form.renamed("to", "back"), ROOT);
    let token = form.get("token").unwrap_or_default().trim();
    let identity = match dashboard.api.verifier.verify(token, SystemTime::now()).await {
        Ok(identity) => identity,
        Err(refused) => return Err(Stop::SignIn { why: Some(refused), to }),
    };
    if !cookie::fits(token) {
        let most = cookie::MAX_TOKEN;
        return Err(Stop::Malformed(format!(
            "the token has more than {most} bytes: browsers can't keep it as a cookie"
        )));
    }
    let left =
        ends_at(&identity).and_then(|at| u64::try_from((at - Utc::now()).num_seconds()).ok()).unwrap_or(0);
    let mut response = welcome(&to);
    if let Some(cookie) = Cookie::Session.set(token, left) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A page, not a redirect: after one that another site's page began, browsers would not send the new cookie.
fn welcome(to: &str) -> Response {
    let content = html! {
        h1 { "Welcome" }
        p { a href=(to) data-go { "Go on" } }
    };
    shell::bare(StatusCode::OK, "Welcome", &content)
}

pub(in crate::http::dashboard) async fn out(_: Person, _: Form) -> Result<Response, Stop> {
    let mut response = acts::see(&format!("{ROOT}/sign-in"));
    if let Some(cookie) = Cookie::Session.clear() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::dashboard::shell::tests::text_of;

    #[tokio::test]
    async fn it_says_why_and_shows_no_token() {
        let response = asked(Some(&Refused::Ended), "/dashboard/w/x?a=\"><script>");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let text = text_of(response).await;
        assert!(text.contains("the token has ended") && text.contains("<label for=\"token\">"), "{text}");
        assert!(!text.contains("\"><script>") && !text.contains("signed in already"), "{text}");
        assert!(text_of(asked(None, "/dashboard")).await.contains("data-again"));
    }
}
