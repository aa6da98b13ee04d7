//! Connecting an account from here: a button begins a login at a platform, and whoever comes back from there says that it was them.
//!
//! What leads to another server is a link on a page of its own and no redirect: browsers hold what a form may lead to against those too.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{HeaderMap, ORIGIN};
use axum::http::{StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;
use url::form_urlencoded;

use super::super::access::Asked;
use super::super::calls::given;
use super::super::connecting::server_of;
use super::super::forgery::{self, Form};
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, acts, shell, words};
use crate::db::dashboard::{BEGIN_CONNECT, CONFIRM_CONNECT};

/// Where people come back to.
fn page_of(asked: &Asked) -> String {
    format!("{}/accounts/connected", asked.base())
}

/// What can be connected, for those who may.
pub(super) fn view(dashboard: &Dashboard, asked: &Asked) -> Markup {
    let platforms = dashboard.connecting.platforms();
    html! {
        @if asked.may("begin_connect") {
            section id="connect" aria-labelledby="connecting" {
                h2 id="connecting" { "Connect an account" }
                @if platforms.is_empty() { p class="empty" { "No platform is set up for it here. Whoever runs Crier can." } }
                ul class="cards grid" {
                    @for platform in platforms { li { (begin(asked, platform)) } }
                }
            }
        }
    }
}

fn begin(asked: &Asked, platform: &str) -> Markup {
    let field = format!("server-{platform}");
    let name = words::platform(platform);
    form_of(
        asked,
        &[("platform", platform)],
        &html! {
            h3 { (name) }
            @if let Some(label) = server_of(platform) {
                div class="field" {
                    label for=(field) { (label) }
                    input id=(field) name="server" autocomplete="off" spellcheck="false" maxlength="200";
                }
            }
            button type="submit" class="quiet" { "Connect" span class="heard" { " an account on " (name) } }
        },
    )
}

/// Logs in again to an account.
pub(super) fn again(dashboard: &Dashboard, asked: &Asked, account: &str, platform: &str) -> Markup {
    let can = asked.may("begin_connect") && dashboard.connecting.platforms().contains(&platform);
    html! {
        @if can {
            (form_of(asked, &[("platform", platform), ("account", account)], &html! {
                button type="submit" { "Log in again" span class="heard" { " on " (words::platform(platform)) } }
            }))
        }
    }
}

fn form_of(asked: &Asked, hidden: &[(&str, &str)], content: &Markup) -> Markup {
    html! {
        form class="connect" method="post" action=(format!("{}/accounts/connect", asked.base())) {
            input type="hidden" name=(forgery::FIELD) value=(asked.form_token());
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            (content)
        }
    }
}

pub(in crate::http::dashboard) async fn post(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
    headers: HeaderMap,
    Form(form): Form,
) -> Result<Response, Stop> {
    let accounts = format!("{}/accounts", asked.base());
    let platform = form.get("platform").unwrap_or_default();
    let platform = dashboard.connecting.platforms().iter().find(|known| **known == platform);
    let platform = *platform.ok_or(Stop::NotFound)?;
    // as the browser knows this server, whatever stands in between
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let return_url = format!("{origin}{}", page_of(&asked));
    if !dashboard.connecting.may_return_to(&return_url) {
        let shown = words::shortened(origin, 100);
        return Err(Stop::Malformed(format!(
            "Nobody could come back here: the address of this dashboard, {shown:?}, is not in oauth.return_origins. Tell whoever runs Crier."
        )));
    }
    let arguments = given([
        ("workspace_id", Some(&asked.workspace.id.to_string())),
        ("platform", Some(platform)),
        ("return_url", Some(&return_url)),
        ("server", form.get("server").map(str::trim)),
        ("account_id", form.get("account")),
    ]);
    let rows = dashboard.write(&asked.identity, &BEGIN_CONNECT, arguments).await;
    let rows = rows.map_err(|stop| stop.back_to(&accounts))?;
    lead(&dashboard, &asked, &format!("/oauth/{platform}/start"), &rows, &words::platform(platform))
}

/// A page that leads to where the login goes on.
fn lead(
    dashboard: &Dashboard,
    asked: &Asked,
    path: &str,
    rows: &[Value],
    to: &str,
) -> Result<Response, Stop> {
    let ticket = rows.first().and_then(Value::as_str).ok_or(Stop::NotFound)?;
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("ticket", ticket).finish();
    let address = dashboard.connecting.address(path).ok_or(Stop::NotFound)?;
    let content = html! {
        p { "You are on your way to " (to) "." }
        p { a class="button" href=(format!("{address}?{query}")) data-go rel="noreferrer" { "Go on" } }
    };
    Ok(shell::page(asked, Place::Accounts, "Connect an account", &content))
}

/// Where people come back to: to be asked whether it was them, or told how it ended.
pub(in crate::http::dashboard) async fn back(asked: Asked) -> Response {
    let accounts = format!("{}/accounts", asked.base());
    if let Some(secret) = asked.query.get("crier_confirm") {
        return shell::page(&asked, Place::Accounts, "Connect an account", &question(&asked, secret));
    }
    if asked.query.get("crier_account_ids").is_some() && asked.query.get("crier_error").is_none() {
        return acts::see(&acts::with_done(&accounts, "connected"));
    }
    let why = words::not_connected(asked.query.get("crier_error").unwrap_or_default());
    let content = html! {
        div class="problem" role="alert" { p { (why) } }
        p { a class="button" href=(accounts) { "To the accounts" } }
    };
    shell::answered(&asked, Place::Accounts, "Not connected", &content, StatusCode::OK)
}

fn question(asked: &Asked, secret: &str) -> Markup {
    html! {
        div class="card" {
            p { "Connect the account with which you have just logged in to " strong { (asked.workspace.name) } "?" }
            div class="acts" {
                form method="post" action=(format!("{}/accounts/confirm", asked.base())) data-keep {
                    input type="hidden" name=(forgery::FIELD) value=(asked.form_token());
                    input type="hidden" name="secret" value=(secret);
                    button type="submit" { "Connect it" }
                }
                a class="button quiet" href=(format!("{}/accounts", asked.base())) { "No" }
            }
        }
    }
}

pub(in crate::http::dashboard) async fn confirm(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
    Form(form): Form,
) -> Result<Response, Stop> {
    let rows =
        dashboard.write(&asked.identity, &CONFIRM_CONNECT, given([("secret", form.get("secret"))])).await;
    let rows = rows.map_err(|stop| stop.back_to(&format!("{}/accounts", asked.base())))?;
    let mut response = lead(&dashboard, &asked, "/oauth/finish", &rows, "the end of it")?;
    response.headers_mut().insert(header::REFERRER_POLICY, header::HeaderValue::from_static("no-referrer"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::super::super::access::tests::asked;
    use super::super::super::fields::Fields;
    use super::super::super::shell::tests::text_of;
    use super::super::super::show::tests::assert_accessible;
    use super::*;

    async fn came_back(query: &str) -> Response {
        let mut asked = asked("admin");
        asked.with_query(Fields::of(query));
        back(asked).await
    }

    #[tokio::test]
    async fn who_comes_back_is_asked_and_told_in_words() {
        let text = text_of(came_back("crier_confirm=%22%3E%3Cscript%3E").await).await;
        assert_accessible(&text);
        assert!(
            text.contains("/accounts/confirm") && text.contains("value=\"&quot;&gt;&lt;script&gt;\""),
            "{text}"
        );
        assert!(text.contains("Acme &lt;b&gt;"), "{text}");
        let done = came_back("crier_account_ids=1,2").await;
        assert!(done.headers()[header::LOCATION].to_str().unwrap().ends_with("/accounts?done=connected"));
        for (query, words) in [
            ("crier_error=access_denied", "did not give access"),
            ("crier_error=%3Cb%3E", "Nothing was connected"),
        ] {
            let text = text_of(came_back(query).await).await;
            assert!(text.contains(words) && !text.contains("<b>"), "{text}");
        }
    }

    #[test]
    fn an_account_is_connected_to_a_platform() {
        let text = begin(&asked("admin"), "mastodon").into_string();
        assert!(
            text.contains("name=\"server\"") && text.contains("name=\"platform\" value=\"mastodon\""),
            "{text}"
        );
        assert!(!begin(&asked("admin"), "x").into_string().contains("name=\"server\""));
    }
}
