//! A post: what became of it for each account, what happened to it, and what can be done about it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::access::Asked;
use super::super::data::{Post, Step, Target};
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, times, words};
use crate::db::dashboard::{GET_POST, POST_TIMELINE};

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let id = asked.id("post")?;
    let found = dashboard.read_one::<Post>(&asked.identity, &GET_POST, json!({ "post_id": id })).await;
    let post = match found {
        Ok(post) => post,
        Err(Stop::Refused { refusal, .. }) if refusal.state == "P0002" => None,
        Err(stop) => return Err(stop),
    };
    // that of another workspace of theirs is not under this address
    let post = post.filter(|post| post.workspace_id == asked.workspace.id && post.deleted_at.is_none());
    let post = post.ok_or(Stop::NotFound)?;
    let steps = dashboard.read(&asked.identity, &POST_TIMELINE, json!({ "p_post_id": id })).await?;
    Ok(shell::page(&asked, Place::Posts, "Post", &view(&asked, &post, &steps)))
}

fn view(asked: &Asked, post: &Post, steps: &[Step]) -> Markup {
    let zone = asked.zone();
    html! {
        div class="card" {
            p class="line" {
                (show::state(&post.state)) " "
                @match post.scheduled_at {
                    Some(at) => (times::shown(at, zone)),
                    None => "without a time",
                }
                ", written " (times::shown(post.created_at, zone))
            }
            (show::text(&post.content))
            (parts(post))
            @if !post.tags.is_empty() { ul class="tags" aria-label="Tags" { @for tag in &post.tags { li { (tag) } } } }
            (acts(asked, post))
        }
        section aria-labelledby="targets" {
            h2 id="targets" { "Where it goes" }
            @if post.targets.is_empty() { p class="empty" { "Nothing is planned for an account yet." } }
            ul class="cards" { @for one in &post.targets { li { (target(asked, one)) } } }
        }
        section aria-labelledby="timeline" {
            h2 id="timeline" { "What happened" }
            ol class="timeline" { @for one in steps { li { (step(asked, post, one)) } } }
        }
    }
}

/// What there is of it besides its text.
fn parts(post: &Post) -> Markup {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (media, thread) = (list(&post.media), list(&post.thread));
    html! {
        @if !media.is_empty() {
            ul class="files" aria-label="Files" {
                @for file in &media {
                    li {
                        @let url = file["url"].as_str().unwrap_or_default();
                        (show::link(url, &words::shortened(url, 80)))
                        @if let Some(alt) = file["alt"].as_str() { ": " (words::shortened(alt, 300)) }
                    }
                }
            }
        }
        @for (at, part) in thread.iter().enumerate() {
            h2 { "Part " (at + 2) }
            (show::text(part["content"].as_str().or(part.as_str()).unwrap_or_default()))
        }
        @if let Some(comment) = &post.first_comment { h2 { "First comment" } (show::text(comment)) }
    }
}

fn acts(asked: &Asked, post: &Post) -> Markup {
    let id = post.id.to_string();
    let of = [("post", id.as_str())];
    let state = post.state.as_str();
    let is_out = matches!(state, "published" | "partly_published");
    html! {
        div class="acts" {
            @if matches!(state, "failed" | "partly_published") { (retrying(asked, post.id)) }
            @if !is_out { (rescheduling(asked, post.id, post.scheduled_at)) }
            @if state == "draft" && asked.may("submit_post") { (show::button(asked, "submit", &of, "Submit", "")) }
            @if state == "in_review" && asked.may("approve_post") {
                (show::button(asked, "approve", &[("post", &id), ("read_at", &post.updated_at)], "Approve", ""))
                (show::act(asked, "reject", &of, &html! {
                    label for="reason" { "Why not" }
                    input id="reason" name="reason" required maxlength="1000";
                }, &show::labeled("Send back", "")))
            }
            @if matches!(state, "scheduled" | "publishing" | "in_review" | "approved") && asked.may("cancel_post") {
                (show::grave(asked, "cancel", &of, "Cancel", "Cancel what was not sent yet?"))
            }
            @if asked.may("duplicate_post") { (show::button(asked, "duplicate", &of, "Duplicate", "")) }
            @if asked.may("delete_post") {
                (show::grave(asked, "delete", &of, "Delete", "Delete this post here? What is on a platform stays there."))
            }
        }
    }
}

fn target(asked: &Asked, target: &Target) -> Markup {
    let zone = asked.zone();
    let handle = target.handle.as_deref().unwrap_or_default();
    html! {
        p class="line" {
            (show::state(&target.state)) " " (show::account(&target.platform, handle))
            @if target.part > 0 { ", part " (target.part + 1) }
            @if target.attempts > 1 { ", " (target.attempts) " attempts" }
        }
        @match (target.published_at, target.due_at) {
            (Some(at), _) => p { "Published " (times::shown(at, zone)) },
            (None, Some(at)) => p { "Planned for " (times::shown(at, zone)) },
            _ => {},
        }
        @if target.deleted_at.is_some() { p { "Taken back from the platform." } }
        @if let Some(content) = &target.content { (show::text(content)) }
        @if let Some(url) = &target.url { p { (show::link(url, "See it there")) } }
        @if let Some(error) = &target.error { (show::error(error)) }
        @if target.state == "unconfirmed" { (resolving(asked, target.id, handle)) }
    }
}

fn step(asked: &Asked, post: &Post, step: &Step) -> Markup {
    let of = post.targets.iter().find(|target| Some(target.id) == step.target_id);
    html! {
        (times::shown(step.at, asked.zone())) ": " (words::step(&step.kind))
        @if let Some(target) = of {
            ", " (show::account(&target.platform, target.handle.as_deref().unwrap_or_default()))
        }
        @if let Some(reason) = step.details["reason"].as_str() { " " q { (words::shortened(reason, 300)) } }
        @if step.details["error"].is_object() { (show::error(&step.details["error"])) }
    }
}

/// Asks whether a target is there.
pub(super) fn resolving(asked: &Asked, target: Uuid, handle: &str) -> Markup {
    let id = target.to_string();
    let field = format!("url-{id}");
    html! {
        @if asked.may("resolve_target") {
            div class="acts" {
                (show::act(asked, "resolve", &[("target", &id), ("outcome", "published")], &html! {
                    label for=(field) { "Where, if you know" }
                    input id=(field) name="url" type="url" maxlength="2048" autocomplete="off";
                }, &show::labeled("It is there", handle)))
                (show::act(asked, "resolve", &[("target", &id), ("outcome", "absent")], &html! {}, &html! {
                    button type="submit" data-ask="It is sent again at once. Is it certainly not there?" {
                        "It is not there" span class="heard" { ": " (handle) }
                    }
                }))
            }
        }
    }
}

/// Tries what failed again.
pub(super) fn retrying(asked: &Asked, post: Uuid) -> Markup {
    html! {
        @if asked.may("retry_post") {
            (show::button(asked, "retry", &[("post", &post.to_string())], "Try again now", ""))
        }
    }
}

/// Plans a post for another time.
pub(super) fn rescheduling(asked: &Asked, post: Uuid, at: Option<DateTime<Utc>>) -> Markup {
    let id = post.to_string();
    let field = format!("at-{id}");
    let at = at.filter(|at| *at > asked.now).unwrap_or(asked.now);
    html! {
        @if asked.may("reschedule_post") {
            (show::act(asked, "reschedule", &[("post", &id)], &html! {
                label for=(field) { "Time (" (asked.zone().name()) ")" }
                input id=(field) name="at" type="datetime-local" required value=(times::field(at, asked.zone()));
            }, &show::labeled("Plan for then", "")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::super::super::access::tests::asked;
    use super::super::super::show::tests::assert_accessible;
    use super::*;

    const HOSTILE: &str = "<script>alert(1)</script>";

    fn post(state: &str) -> Post {
        from_value(json!({
            "id": Uuid::from_u128(7), "workspace_id": Uuid::from_u128(2), "content": HOSTILE, "state": state,
            "scheduled_at": "2026-12-01T12:00:00+00:00", "created_at": "2026-12-01T08:00:00+00:00",
            "updated_at": "2026-12-01T08:00:00.123456+00:00", "deleted_at": null, "first_comment": HOSTILE,
            "media": [{ "url": "javascript:alert(1)", "alt": HOSTILE }], "thread": [{ "content": HOSTILE }, HOSTILE], "tags": [HOSTILE],
            "targets": [{
                "id": Uuid::from_u128(8), "platform": HOSTILE, "handle": HOSTILE, "part": 1, "state": "unconfirmed",
                "content": HOSTILE, "due_at": null, "url": "javascript:alert(1)", "error": { "class": "x", "message": HOSTILE },
                "attempts": 3, "published_at": null, "deleted_at": null,
            }],
        }))
        .unwrap()
    }

    fn steps() -> Vec<Step> {
        let step = json!({
            "at": "2026-12-01T08:00:00+00:00", "kind": HOSTILE, "target_id": Uuid::from_u128(8),
            "details": { "reason": HOSTILE, "error": { "class": HOSTILE } },
        });
        vec![from_value(step).unwrap()]
    }

    #[test]
    fn all_that_others_wrote_is_text_and_no_link_is_a_script() {
        let shown = view(&asked("owner"), &post("failed"), &steps()).into_string();
        assert_accessible(&shown);
        assert!(!shown.contains("<script") && !shown.contains("href=\"javascript"), "{shown}");
        assert!(
            shown.contains("part 2") && shown.contains("3 attempts") && shown.contains("needs your word"),
            "{shown}"
        );
    }

    #[test]
    fn what_can_be_done_depends_on_state_and_role() {
        let acts = |role, state| {
            let shown = view(&asked(role), &post(state), &[]).into_string();
            let found = crate::http::dashboard::acts::ACTS.iter().map(|act| act.name);
            found.filter(|name| shown.contains(&format!("/do/{name}\""))).collect::<Vec<_>>()
        };
        assert!(acts("viewer", "failed").is_empty() && acts("viewer", "in_review").is_empty());
        assert_eq!(acts("editor", "failed"), ["reschedule", "retry", "duplicate", "delete", "resolve"]);
        assert_eq!(acts("editor", "scheduled"), ["cancel", "reschedule", "duplicate", "delete", "resolve"]);
        assert_eq!(acts("editor", "published"), ["duplicate", "delete", "resolve"]);
        assert!(
            acts("editor", "draft").contains(&"submit") && !acts("editor", "in_review").contains(&"approve")
        );
        assert!(
            acts("admin", "in_review").contains(&"approve") && acts("admin", "in_review").contains(&"reject")
        );
        let shown = view(&asked("admin"), &post("in_review"), &[]).into_string();
        assert!(
            shown.contains("value=\"2026-12-01T08:00:00.123456+00:00\""),
            "expected it as SQL wrote it: {shown}"
        );
    }
}
