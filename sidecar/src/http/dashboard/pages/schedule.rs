//! A schedule: what it makes, when it comes next, and what became of the last times; and its queue, if it has one.

mod queue;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;

use super::super::access::Asked;
use super::super::calls::given;
use super::super::data::{Coming, Item, Occurrence, Page, Schedule};
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, times};
use super::schedules;
use crate::db::dashboard::{GET_SCHEDULE, LIST_SCHEDULE_ITEMS, PREVIEW_SCHEDULE};

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let schedule = find(&dashboard, &asked).await?;
    let id = schedule.id.to_string();
    let coming = match schedule.state.as_str() {
        "ended" => Vec::new(),
        _ => dashboard.read(&asked.identity, &PREVIEW_SCHEDULE, json!({ "schedule_id": id })).await?,
    };
    let items: Option<Page<Item>> = match schedule.kind.as_str() {
        "evergreen" => {
            let arguments = given([("schedule_id", Some(&id)), ("p_cursor", asked.query.get("cursor"))]);
            let items = dashboard.read_page(&asked.identity, &LIST_SCHEDULE_ITEMS, arguments).await;
            Some(items.map_err(|stop| stop.back_to(&format!("{}/schedules/{id}", asked.base())))?)
        }
        _ => None,
    };
    Ok(shell::page(&asked, Place::Schedules, "Schedule", &view(&asked, &schedule, &coming, items.as_ref())))
}

/// The one in the address.
pub(super) async fn find(dashboard: &Dashboard, asked: &Asked) -> Result<Schedule, Stop> {
    let id = asked.id("schedule")?;
    let found =
        dashboard.read_one::<Schedule>(&asked.identity, &GET_SCHEDULE, json!({ "schedule_id": id })).await;
    let schedule = match found {
        Ok(schedule) => schedule,
        Err(Stop::Refused { refusal, .. }) if refusal.state == "P0002" => None,
        Err(stop) => return Err(stop),
    };
    schedule.filter(|schedule| schedule.workspace_id == asked.workspace.id).ok_or(Stop::NotFound)
}

fn view(asked: &Asked, schedule: &Schedule, coming: &[Coming], items: Option<&Page<Item>>) -> Markup {
    html! {
        div class="card" {
            p class="line" { strong { (schedules::name(schedule)) } " " (show::state(&schedule.state)) " " (schedule.kind) }
            @if let Some(rule) = &schedule.rule { p { "Rule: " code { (rule) } ", in " (schedule.zone) } }
            @if let Some(content) = schedule.template["content"].as_str() { (show::text(content)) }
            (acts(asked, schedule))
        }
        @if let Some(items) = items { (queue::view(asked, schedule, items)) }
        section aria-labelledby="coming" {
            h2 id="coming" { @if schedule.state == "paused" { "If it were resumed now" } @else { "What comes" } }
            @if coming.is_empty() { p class="empty" { "Nothing." } }
            ol class="times" { @for one in coming { li { (next(asked, one)) } } }
        }
        section aria-labelledby="recent" {
            h2 id="recent" { "What became of the last ones" }
            @if schedule.recent.is_empty() { p class="empty" { "There were none." } }
            ol class="times" { @for one in &schedule.recent { li { (past(asked, one)) } } }
        }
    }
}

fn acts(asked: &Asked, schedule: &Schedule) -> Markup {
    let id = schedule.id.to_string();
    let of = [("schedule", id.as_str())];
    let is_open = schedule.state != "ended";
    html! {
        div class="acts" {
            @if is_open && asked.may("update_schedule") {
                a class="button quiet" href=(format!("{}/schedules/{id}/change", asked.base())) { "Change" }
            }
            @if schedule.state == "active" && asked.may("pause_schedule") {
                (show::button(asked, "pause-schedule", &of, "Pause", schedules::name(schedule)))
            }
            @if schedule.state == "paused" && asked.may("resume_schedule") {
                (show::button(asked, "resume-schedule", &of, "Resume", schedules::name(schedule)))
            }
            @if is_open && asked.may("end_schedule") {
                (show::grave(asked, "end-schedule", &of, "End", "End this schedule for good? It makes no post any more."))
            }
        }
    }
}

/// A coming time.
pub(super) fn next(asked: &Asked, one: &Coming) -> Markup {
    html! {
        (times::shown(one.occurs_at, asked.zone()))
        " (" (one.wall_time.format("%H:%M")) " there, " (one.utc_offset) ")"
        @if let Some(note) = &one.note { ": " (note) }
    }
}

fn past(asked: &Asked, one: &Occurrence) -> Markup {
    html! {
        (times::shown(one.occurs_at, asked.zone())) ": "
        @match one.post_id {
            Some(post) => a href=(format!("{}/posts/{post}", asked.base())) { (one.state) },
            None => (one.state),
        }
        @if let Some(message) = one.error.as_ref().and_then(|error| error["message"].as_str().or(error.as_str())) {
            " " q { (message) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;
    use uuid::Uuid;

    use super::super::super::access::tests::asked;
    use super::super::super::show::tests::assert_accessible;
    use super::*;

    #[test]
    fn it_says_what_comes_and_what_became_of_the_last() {
        let schedule = |state: &str| -> Schedule {
            from_value(json!({
                "id": Uuid::from_u128(9), "workspace_id": Uuid::from_u128(2), "name": "<b>", "kind": "recurring",
                "state": state, "rule": "<script>", "zone": "Europe/Berlin", "starts": "2026-01-01T00:00:00", "ends": null,
                "next_at": null, "template": { "content": "<i>" },
                "recent": [{ "occurs_at": "2026-12-01T08:00:00+00:00", "state": "failed", "post_id": null,
                             "error": { "message": "<u>" } }],
            }))
            .unwrap()
        };
        let coming = json!({
            "occurs_at": "2027-03-28T01:00:00+00:00", "wall_time": "2027-03-28T03:00:00", "utc_offset": "+02:00",
            "note": "02:30:00 is left out",
        });
        let coming = [from_value(coming).unwrap()];
        let shown =
            |role: &str, state: &str| view(&asked(role), &schedule(state), &coming, None).into_string();
        let text = shown("editor", "active");
        assert_accessible(&text);
        for part in ["/do/pause-schedule", "/do/end-schedule", "/change\"", "02:30:00 is left out"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        for tag in ["<b>", "<script", "<i>", "<u>"] {
            assert!(!text.contains(tag), "{tag} in {text}");
        }
        assert!(shown("editor", "paused").contains("/do/resume-schedule"));
        assert!(!shown("editor", "ended").contains("/do/") && !shown("editor", "ended").contains("/change"));
        assert!(
            !shown("viewer", "active").contains("<form") && !shown("viewer", "active").contains("/change")
        );
    }
}
