//! The posts, the newest first, page by page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use crier_core::target::POST_STATES;
use maud::{Markup, html};

use super::super::access::Asked;
use super::super::calls::given;
use super::super::data::{Listed, Page};
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, times, words};
use crate::db::dashboard::LIST_POSTS;

/// So much of a text is shown in a list.
const EXCERPT: usize = 200;

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let arguments = given([
        ("p_workspace_id", Some(&asked.workspace.id.to_string())),
        ("p_cursor", asked.query.get("cursor")),
        ("p_status", asked.query.get("state")),
        ("p_search", asked.query.get("search")),
        ("p_limit", Some("25")),
    ]);
    let page = dashboard.read_page(&asked.identity, &LIST_POSTS, arguments).await;
    let page = page.map_err(|stop| stop.back_to(&format!("{}/posts", asked.base())))?;
    Ok(shell::page(&asked, Place::Posts, "Posts", &view(&asked, &page)))
}

fn view(asked: &Asked, page: &Page<Listed>) -> Markup {
    let (state, search) = (asked.query.get("state"), asked.query.get("search"));
    html! {
        form class="filter" role="search" method="get" action=(format!("{}/posts", asked.base())) {
            label for="state" { "State" }
            select id="state" name="state" {
                option value="" { "All" }
                @for word in POST_STATES {
                    option value=(word) selected[state == Some(word)] { (words::state(word)) }
                }
            }
            label for="search" { "Words" }
            input id="search" name="search" type="search" value=(search.unwrap_or_default()) maxlength="200";
            button type="submit" class="quiet" { "Show" }
        }
        @if page.is_empty() {
            p class="empty" { "There are none." @if state.is_some() || search.is_some() { " Look for others above." } }
        }
        ul class="cards" { @for post in &page.items { li { (card(asked, post)) } } }
        (show::next(asked, "/posts", page.next()))
    }
}

/// A post in a list.
pub(super) fn card(asked: &Asked, post: &Listed) -> Markup {
    let text = words::shortened(&post.content, EXCERPT);
    html! {
        p class="line" {
            (show::state(&post.state)) " "
            @match post.scheduled_at {
                Some(at) => (times::shown(at, asked.zone())),
                None => { "without a time, written " (times::shown(post.created_at, asked.zone())) },
            }
            @if post.targets > 1 { ", " (post.published) " of " (post.targets) " published" }
        }
        p class="text" dir="auto" {
            a href=(format!("{}/posts/{}", asked.base(), post.id)) {
                @if text.trim().is_empty() { "(without a text)" } @else { (text) }
            }
        }
        @if !post.tags.is_empty() {
            ul class="tags" aria-label="Tags" { @for tag in &post.tags { li { (tag) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};
    use uuid::Uuid;

    use super::super::super::access::tests::asked;
    use super::super::super::fields::Fields;
    use super::super::super::show::tests::assert_accessible;
    use super::*;

    #[test]
    fn a_list_keeps_its_filter_from_page_to_page() {
        let post = json!({
            "id": Uuid::from_u128(7), "content": "<script>x</script>".repeat(50), "state": "published", "scheduled_at": null,
            "created_at": "2026-12-01T08:00:00+00:00", "targets": 2, "published": 1, "tags": ["<b>"],
        });
        let page = from_value(json!({ "items": [post], "next_cursor": "a b", "has_more": true })).unwrap();
        let mut person = asked("viewer");
        person.with_query(Fields::of("state=published&search=%22%3E&cursor=old"));
        let shown = view(&person, &page).into_string();
        assert_accessible(&shown);
        assert!(shown.contains("posts?state=published&amp;search=%22%3E&amp;cursor=a+b"), "{shown}");
        assert!(
            shown.contains("value=\"published\" selected") && shown.contains("1 of 2 published"),
            "{shown}"
        );
        assert!(!shown.contains("<script") && !shown.contains("<b>") && shown.contains("…"), "{shown}");
    }
}
