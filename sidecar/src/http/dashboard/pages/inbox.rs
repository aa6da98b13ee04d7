//! The inbox: what needs a person, each with what can be done about it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;

use super::super::access::Asked;
use super::super::calls::given;
use super::super::data::{Account, Failure, Listed, Page, Unconfirmed};
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, times, words};
use super::{accounts, post, posts};
use crate::db::api::only::ACCOUNTS;
use crate::db::dashboard::{FAILURES, LIST_POSTS, UNCONFIRMED};

/// Posts of each kind that are shown; the list has all.
const MOST: &str = "20";

/// What needs a person.
struct Inbox {
    unconfirmed: Vec<Unconfirmed>,
    in_review: Page<Listed>,
    failed: Page<Listed>,
    partly: Page<Listed>,
    failures: Vec<Failure>,
    /// Accounts that need a login.
    logins: Vec<Account>,
}

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let inbox = ask(&dashboard, &asked).await?;
    Ok(shell::page(&asked, Place::Inbox, "Inbox", &view(&asked, &inbox)))
}

async fn ask(dashboard: &Dashboard, asked: &Asked) -> Result<Inbox, Stop> {
    let (who, workspace) = (&asked.identity, asked.workspace.id);
    let listed = async |state| {
        let arguments = json!({ "p_workspace_id": workspace, "p_status": state, "p_limit": MOST });
        dashboard.read_page::<Listed>(who, &LIST_POSTS, arguments).await
    };
    let (failed, partly) = (listed("failed").await?, listed("partly_published").await?);
    let ids: Vec<_> = failed.items.iter().chain(&partly.items).map(|post| post.id).collect();
    let failures = match ids.is_empty() {
        true => Vec::new(),
        false => {
            dashboard.read(who, &FAILURES, json!({ "workspace_id": workspace, "post_ids": ids })).await?
        }
    };
    let mut logins = Vec::new();
    for status in ["reauth_required", "disconnected"] {
        let arguments = given([("workspace_id", Some(&workspace.to_string())), ("status", Some(status))]);
        logins.extend(dashboard.read_page::<Account>(who, &ACCOUNTS, arguments).await?.items);
    }
    Ok(Inbox {
        unconfirmed: dashboard.read(who, &UNCONFIRMED, json!({ "workspace_id": workspace })).await?,
        in_review: listed("in_review").await?,
        failed,
        partly,
        failures,
        logins,
    })
}

fn view(asked: &Asked, inbox: &Inbox) -> Markup {
    let failed: Vec<_> = inbox.failed.items.iter().chain(&inbox.partly.items).collect();
    let has_failed = !(inbox.failed.is_empty() && inbox.partly.is_empty());
    let needs_somebody = has_failed
        || !(inbox.unconfirmed.is_empty() && inbox.in_review.is_empty() && inbox.logins.is_empty());
    html! {
        @if !needs_somebody {
            div class="empty" {
                p { strong { "Nothing needs you." } }
                p { "What fails, waits for approval or needs a login is here, with what can be done about it." }
            }
        }
        @if !inbox.unconfirmed.is_empty() {
            section aria-labelledby="unconfirmed" {
                h2 id="unconfirmed" { "Is it there?" }
                p { "The platform did not say whether it has these. Look there; nothing is sent again before you say so." }
                ul class="cards" { @for one in &inbox.unconfirmed { li { (unconfirmed(asked, one)) } } }
            }
        }
        @if !inbox.logins.is_empty() {
            section aria-labelledby="logins" {
                h2 id="logins" { "Accounts that need a login" }
                p { "Connect them again. What waits for them goes out then." }
                ul class="cards" { @for account in &inbox.logins { li { (accounts::card(asked, account)) } } }
            }
        }
        @if has_failed {
            section aria-labelledby="failed" {
                h2 id="failed" { "Not published" }
                ul class="cards" { @for one in &failed { li { (failure(asked, one, &inbox.failures)) } } }
                (more(asked, &inbox.failed, "failed"))
                (more(asked, &inbox.partly, "partly_published"))
            }
        }
        @if !inbox.in_review.is_empty() {
            section aria-labelledby="review" {
                h2 id="review" { "To be approved" }
                ul class="cards" { @for one in &inbox.in_review.items { li { (posts::card(asked, one)) } } }
                (more(asked, &inbox.in_review, "in_review"))
            }
        }
    }
}

fn unconfirmed(asked: &Asked, one: &Unconfirmed) -> Markup {
    html! {
        p {
            (show::account(&one.platform, &one.handle))
            @if let Some(at) = one.at { ", sent " (times::shown(at, asked.zone())) }
        }
        (show::text(one.content.as_deref().unwrap_or_default()))
        @if let Some(error) = &one.error { (show::error(error)) }
        (post::resolving(asked, one.id, &one.handle))
        p { a href=(format!("{}/posts/{}", asked.base(), one.post_id)) { "All of the post" } }
    }
}

fn failure(asked: &Asked, listed: &Listed, failures: &[Failure]) -> Markup {
    html! {
        (posts::card(asked, listed))
        ul class="failures" {
            @for one in failures.iter().filter(|one| one.post_id == listed.id) {
                li {
                    (show::account(&one.platform, &one.handle))
                    @if let Some(error) = &one.error { (show::error(error)) }
                }
            }
        }
        div class="acts" {
            (post::retrying(asked, listed.id))
            (post::rescheduling(asked, listed.id, listed.scheduled_at))
        }
    }
}

fn more(asked: &Asked, page: &Page<Listed>, state: &str) -> Markup {
    html! {
        @if page.has_more { p { a href=(format!("{}/posts?state={state}", asked.base())) { "All that are " (words::state(state)) } } }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};
    use uuid::Uuid;

    use super::super::super::access::tests::asked;
    use super::super::super::show::tests::assert_accessible;
    use super::*;

    const HOSTILE: &str = "<script>alert(1)</script>";

    fn page(items: Value) -> Page<Listed> {
        from_value(json!({ "items": items, "next_cursor": null, "has_more": true })).unwrap()
    }

    fn inbox() -> Inbox {
        let id = Uuid::from_u128(7);
        let error = json!({ "class": "content_invalid", "message": HOSTILE });
        let post = json!({
            "id": id, "content": HOSTILE, "state": "failed", "scheduled_at": "2026-12-01T08:00:00+00:00",
            "created_at": "2026-12-01T08:00:00+00:00", "targets": 1, "published": 0,
        });
        let unconfirmed = json!({
            "id": Uuid::from_u128(8), "post_id": id, "platform": "bluesky", "handle": HOSTILE, "content": HOSTILE,
            "error": error, "at": "2026-12-01T08:00:00+00:00",
        });
        let account = json!({
            "id": id, "workspace_id": id, "platform": "bluesky", "handle": HOSTILE, "base_url": "javascript:alert(1)",
            "status": "reauth_required", "status_reason": HOSTILE,
        });
        Inbox {
            unconfirmed: vec![from_value(unconfirmed).unwrap()],
            in_review: page(json!([])),
            failed: page(json!([post])),
            partly: page(json!([])),
            failures: vec![
                from_value(
                    json!({ "post_id": id, "platform": "bluesky", "handle": "a.test", "error": error }),
                )
                .unwrap(),
            ],
            logins: vec![from_value(account).unwrap()],
        }
    }

    #[test]
    fn each_thing_has_its_action_beside_it_and_is_text() {
        let shown = view(&asked("editor"), &inbox()).into_string();
        for part in
            ["It is there", "It is not there", "/do/resolve", "/do/retry", "/do/reschedule", "?state=failed"]
        {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert_accessible(&shown);
        assert!(shown.contains("The platform does not take this content."), "{shown}");
        assert!(!shown.contains("<script") && !shown.contains("href=\"javascript"), "{shown}");
    }

    #[test]
    fn a_viewer_sees_the_same_without_a_button() {
        let shown = view(&asked("viewer"), &inbox()).into_string();
        assert!(
            shown.contains("Is it there?") && !shown.contains("<form") && !shown.contains("<button"),
            "{shown}"
        );
    }

    #[test]
    fn where_nothing_is_to_be_done_it_says_so() {
        let none = || from_value(json!({ "items": [], "next_cursor": null, "has_more": false })).unwrap();
        let nothing = Inbox {
            unconfirmed: vec![],
            in_review: none(),
            failed: none(),
            partly: none(),
            failures: vec![],
            logins: vec![],
        };
        assert!(view(&asked("owner"), &nothing).into_string().contains("Nothing needs you."));
    }
}
