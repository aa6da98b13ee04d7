//! Who did what in the workspace, for those who decide about it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

use super::super::access::Asked;
use super::super::calls::given;
use super::super::data::{Entry, Page};
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, times, words};
use crate::db::dashboard::ACTIVITY;

/// What things are done with.
const OBJECTS: [&str; 10] = [
    "post",
    "target",
    "action",
    "schedule",
    "account",
    "workspace",
    "member",
    "job",
    "alert_endpoint",
    "webhook",
];
/// So much of what changed is shown.
const MOST: usize = 200;

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let arguments = given([
        ("p_workspace_id", Some(&asked.workspace.id.to_string())),
        ("p_cursor", asked.query.get("cursor")),
        ("p_object_type", asked.query.get("of")),
    ]);
    let page = dashboard.read_page(&asked.identity, &ACTIVITY, arguments).await;
    let page = page.map_err(|stop| stop.back_to(&asked.base()))?;
    Ok(shell::page(&asked, Place::Activity, "Activity", &view(&asked, &page)))
}

fn view(asked: &Asked, page: &Page<Entry>) -> Markup {
    let of = asked.query.get("of");
    html! {
        form class="filter" method="get" action=(format!("{}/activity", asked.base())) {
            label for="of" { "With" }
            select id="of" name="of" {
                option value="" { "Everything" }
                @for word in OBJECTS { option value=(word) selected[of == Some(word)] { (word.replace('_', " ")) } }
            }
            button type="submit" class="quiet" { "Show" }
        }
        @if page.is_empty() { p class="empty" { "Nothing yet." } }
        @else {
            div class="wide sheet" tabindex="0" role="region" aria-label="Activity" {
                table class="stacks" {
                    thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "Details" } } }
                    tbody { @for entry in &page.items { (row(asked, entry)) } }
                }
            }
        }
        (show::next(asked, "/activity", page.next()))
    }
}

fn row(asked: &Asked, entry: &Entry) -> Markup {
    html! {
        tr {
            td { (times::shown(entry.at, asked.zone())) }
            td { (who(asked, entry)) }
            td {
                strong { (words::capitalized(&entry.action.replace('_', " "))) }
                @if let Some(page) = page_of(asked, entry) { " " a href=(page) { "see it" span class="heard" { " (" (entry.object_type) ")" } } }
            }
            td class="soft" { (changes(&entry.changes)) }
        }
    }
}

fn who(asked: &Asked, entry: &Entry) -> Markup {
    let user = entry.user_id.map(|id| if id == asked.identity.user { "you".into() } else { id.to_string() });
    html! {
        @match (entry.actor.as_str(), user) {
            ("user", Some(user)) => span class="id" { (user) },
            (_, Some(user)) => { "a server, for " span class="id" { (user) } },
            _ => "a server",
        }
    }
}

/// The page of what it was done with.
fn page_of(asked: &Asked, entry: &Entry) -> Option<String> {
    let place = match entry.object_type.as_str() {
        "post" => "posts",
        "schedule" => "schedules",
        "account" => "accounts",
        _ => return None,
    };
    Some(format!("{}/{place}/{}", asked.base(), entry.object_id?))
}

/// What changed, in a line.
fn changes(changes: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let all = match changes.as_object() {
        Some(fields) => {
            let each =
                fields.iter().map(|(name, value)| format!("{}: {}", name.replace('_', " "), text(value)));
            each.collect::<Vec<_>>().join(", ")
        }
        None if changes.is_null() => String::new(),
        None => text(changes),
    };
    words::shortened(&all, MOST)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};
    use uuid::Uuid;

    use super::super::super::access::tests::asked;
    use super::super::super::show::tests::assert_accessible;
    use super::*;

    #[test]
    fn it_says_who_did_what_with_what() {
        let entry = |user: u128, kind: &str| {
            json!({
                "at": "2026-12-01T08:00:00+00:00", "actor": "user", "user_id": Uuid::from_u128(user), "action": "role_<b>changed",
                "object_type": kind, "object_id": Uuid::from_u128(7), "changes": { "to_role": "<script>", "n": 3 },
            })
        };
        let page =
            json!({ "items": [entry(1, "post"), entry(5, "member")], "next_cursor": "c", "has_more": true });
        let text = view(&asked("admin"), &from_value(page).unwrap()).into_string();
        assert_accessible(&text);
        for part in [
            ">you<",
            "00000000-0000-0000-0000-000000000005",
            "to role: &lt;script&gt;",
            "/posts/0",
            "activity?cursor=c",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("<script") && !text.contains("<b>") && !text.contains("/members/"), "{text}");
    }
}
