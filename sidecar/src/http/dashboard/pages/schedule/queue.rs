//! The queue of texts of an evergreen schedule.

use maud::{Markup, html};

use crate::http::dashboard::access::Asked;
use crate::http::dashboard::data::{Item, Page, Schedule};
use crate::http::dashboard::{show, times, words};

pub(super) fn view(asked: &Asked, schedule: &Schedule, items: &Page<Item>) -> Markup {
    let id = schedule.id.to_string();
    let path = format!("/schedules/{id}");
    html! {
        section aria-labelledby="queue" {
            h2 id="queue" { "Its queue" }
            @if items.is_empty() { p class="empty" { "It is empty: nothing comes of it before there is a text." } }
            ul class="cards" { @for one in &items.items { li { (item(asked, &id, one)) } } }
            (show::next(asked, &path, items.next()))
            @if schedule.state != "ended" && asked.may("add_schedule_items") {
                (show::act(asked, "add-item", &[("schedule", &id)], &html! {
                    div class="field" {
                        label for="text" { "One more text" }
                        textarea id="text" name="text" rows="3" dir="auto" required {}
                    }
                }, &show::labeled("Add to the queue", "")))
            }
        }
    }
}

fn item(asked: &Asked, schedule: &str, item: &Item) -> Markup {
    let content = item.template["content"].as_str().unwrap_or_default();
    let short = words::shortened(content, 60);
    html! {
        (show::text(content))
        p class="line" {
            @if item.uses == 0 { "not used yet" } @else { "used " (item.uses) (if item.uses == 1 { " time" } else { " times" }) }
            @if let Some(at) = item.last_used_at { ", last " (times::shown(at, asked.zone())) }
        }
        @if asked.may("remove_schedule_item") {
            (show::act(asked, "remove-item", &[("schedule", schedule), ("item", &item.id.to_string())], &html! {}, &html! {
                button type="submit" class="grave" { "Take out" span class="heard" { ": " (short) } }
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};
    use uuid::Uuid;

    use super::*;
    use crate::http::dashboard::access::tests::asked;
    use crate::http::dashboard::show::tests::assert_accessible;

    #[test]
    fn texts_are_added_and_taken_out_by_editors() {
        let id = Uuid::from_u128(9);
        let schedule: Schedule = from_value(json!({
            "id": id, "workspace_id": id, "name": null, "kind": "evergreen", "state": "active", "rule": "FREQ=DAILY",
            "starts": "2026-01-01T00:00:00", "ends": null, "zone": "UTC", "next_at": null,
        }))
        .unwrap();
        let items: Page<Item> = from_value(json!({
            "items": [{ "id": id, "template": { "content": "<script>" }, "uses": 2, "last_used_at": "2026-12-01T08:00:00+00:00" }],
            "next_cursor": "c", "has_more": true,
        }))
        .unwrap();
        let shown = |role: &str| view(&asked(role), &schedule, &items).into_string();
        let text = shown("editor");
        assert_accessible(&text);
        for part in ["/do/add-item", "/do/remove-item", "used 2 times", "cursor=c"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("<script"), "{text}");
        assert!(!shown("viewer").contains("<form"));
    }
}
