//! What is around each page: its head, the way to the other pages, who is signed in, the zone of times; and what a browser may do
//! with it.

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::access::{Asked, Person};
use super::assets::{SCRIPT_PATH, STYLE_PATH};
use super::{ROOT, forgery, words, zones};
use crate::http::page::document;

/// Nothing but our own style and script, and forms to ourselves.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// The pages of a workspace, in the order of the way to them, each with what those may do who are shown the way.
const PLACES: [(Place, &str, &str, &str); 8] = [
    (Place::Inbox, "Inbox", "", "list_posts"),
    (Place::Posts, "Posts", "/posts", "list_posts"),
    (Place::Calendar, "Calendar", "/calendar", "calendar"),
    (Place::Schedules, "Schedules", "/schedules", "list_schedules"),
    (Place::Accounts, "Accounts", "/accounts", "list_posts"),
    (Place::Analytics, "Analytics", "/analytics", "analytics"),
    (Place::Queue, "Queue", "/queue", "list_jobs"),
    (Place::Activity, "Activity", "/activity", "get_activity_log"),
];

/// Where in a workspace a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Inbox,
    Posts,
    Calendar,
    Schedules,
    Accounts,
    Analytics,
    Queue,
    Activity,
}

/// A page of a workspace. It renews itself when something happens there.
pub(super) fn page(asked: &Asked, place: Place, title: &str, content: &Markup) -> Response {
    answered(asked, place, title, content, StatusCode::OK)
}

/// The same of a form that was not accepted.
pub(super) fn answered(
    asked: &Asked,
    place: Place,
    title: &str,
    content: &Markup,
    status: StatusCode,
) -> Response {
    let base = asked.base();
    let done = asked.query.get("done").and_then(words::done);
    let body = html! {
        header class="top" {
            p class="brand" { a href=(ROOT) { "Crier" } }
            p class="workspace" { span class="name" { (asked.workspace.name) } " " span class="role" { (asked.workspace.role()) } }
            nav aria-label="Workspace" {
                ul {
                    @for (of, name, path, function) in PLACES {
                        @if asked.may(function) {
                            li { a href=(format!("{base}{path}")) aria-current=[(of == place).then_some("page")] { (name) } }
                        }
                    }
                }
            }
            (sign_out(asked))
        }
        main id="main" tabindex="-1" {
            div class="head" { h1 { (title) } (first_act(asked, place)) }
            @if let Some(done) = done { p class="done" role="status" { (done) } }
            div id="live" data-live=(format!("{base}/live")) { (content) }
        }
        footer { (zones::form(asked)) }
    };
    html_page(ROOT, status, &format!("{title} · {} · Crier", asked.workspace.name), &body)
}

/// What people come to a list for.
fn first_act(asked: &Asked, place: Place) -> Markup {
    let (function, path, label) = match place {
        Place::Inbox | Place::Posts | Place::Calendar => ("create_post", "/posts/new", "New post"),
        Place::Schedules => ("create_schedule", "/schedules/new", "New schedule"),
        _ => return html! {},
    };
    let lists = PLACES
        .iter()
        .any(|(_, _, list, _)| asked.here.split('?').next() == Some(&format!("{}{list}", asked.base())));
    html! {
        @if lists && asked.may(function) { a class="button" href=(format!("{}{path}", asked.base())) { (label) } }
    }
}

/// A page of a person, of no workspace.
pub(super) fn of_person(person: &Person, title: &str, content: &Markup) -> Response {
    let body = html! {
        header class="top" {
            p class="brand" { a href=(ROOT) { "Crier" } }
            (sign_out(person))
        }
        main id="main" tabindex="-1" { div class="head" { h1 { (title) } } (content) }
        footer { (zones::form(person)) }
    };
    html_page(ROOT, StatusCode::OK, &format!("{title} · Crier"), &body)
}

/// A page of operators under `root`, who are signed in by the browser itself. It renews itself every few seconds, as long as they want;
/// `as_of`: when it was as it is.
pub(super) fn of_operator(
    root: &str,
    title: &str,
    done: Option<&str>,
    as_of: &Markup,
    content: &Markup,
) -> Response {
    let body = html! {
        header class="top" { p class="brand" { "Crier" } p class="workspace" { span class="role" { "for operators" } } }
        main id="main" tabindex="-1" {
            div class="head" { h1 { (title) } }
            @if let Some(done) = done { p class="done" role="status" { (done) } }
            p class="hint" {
                span id="as-of" { "As of " (as_of) } " "
                span id="stale" class="bad" role="status" {}
            }
            p id="renewing" class="choice" hidden {
                input type="checkbox" id="renew" checked;
                label for="renew" { "Renew every five seconds" }
            }
            div id="live" data-every="5000" data-stale="Not renewed since: crierd or its database does not answer." { (content) }
        }
    };
    html_page(root, StatusCode::OK, &format!("{title} · Crier"), &body)
}

/// A page of nobody.
pub(super) fn bare(status: StatusCode, title: &str, content: &Markup) -> Response {
    bare_at(ROOT, status, title, content)
}

/// The same under another address.
pub(super) fn bare_at(root: &str, status: StatusCode, title: &str, content: &Markup) -> Response {
    let body = html! { main id="main" class="bare" tabindex="-1" {
        p class="brand" { "Crier" }
        div class="card" { (content) }
    } };
    html_page(root, status, &format!("{title} · Crier"), &body)
}

fn sign_out(person: &Person) -> Markup {
    html! {
        form class="sign-out" method="post" action=(format!("{ROOT}/sign-out")) {
            input type="hidden" name=(forgery::FIELD) value=(person.form_token());
            button type="submit" class="quiet" { "Sign out" }
        }
    }
}

/// `root`: where its style and its script are.
fn html_page(root: &str, status: StatusCode, title: &str, body: &Markup) -> Response {
    let head = html! {
        meta name="color-scheme" content="light dark";
        link rel="stylesheet" href=(format!("{root}/{}", *STYLE_PATH));
        script src=(format!("{root}/{}", *SCRIPT_PATH)) defer {}
    };
    let body = html! {
        a class="skip" href="#main" { "Skip to the content" }
        (body)
    };
    let mut response = (status, document(title, &head, &body)).into_response();
    guard(&mut response, "text/html; charset=utf-8");
    response
}

/// What every answer to a person says to their browser.
pub(super) fn guard(response: &mut Response, kind: &'static str) {
    let set: [(HeaderName, &'static str); 6] = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "same-origin"),
        (VARY, "Cookie"),
    ];
    for (name, value) in set {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use axum::body::to_bytes;

    use super::super::access::tests::asked;
    use super::super::show::tests::assert_accessible;
    use super::*;

    /// The text of a page.
    pub(in crate::http::dashboard) async fn text_of(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), 10_000_000).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_page_is_whole_and_may_load_nothing_from_elsewhere() {
        let response = page(&asked("viewer"), Place::Posts, "Posts", &html! { p { "here" } });
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        let text = text_of(response).await;
        for part in [
            "<html lang=\"en\">",
            "<main id=\"main\"",
            "<nav aria-label=\"Workspace\">",
            "href=\"#main\"",
            "aria-current=\"page\">Posts</a>",
            "Acme &lt;b&gt;",
            "name=\"csrf\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_accessible(&text);
        assert_eq!((text.matches("<h1>").count(), text.matches("aria-current").count()), (1, 1));
        // the policy forbids them: they would not work
        assert!(!text.contains(" style=") && !text.contains(" onclick=") && !text.contains("<style"));
        assert_eq!(
            text.matches("<script").count(),
            text.matches("<script src=\"/dashboard/script.js?").count()
        );
    }
}
