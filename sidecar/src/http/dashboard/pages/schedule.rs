//! A schedule: what it makes, when it comes next, and what became of the last times.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;

use super::super::access::Asked;
use super::super::data::{Coming, Occurrence, Schedule};
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, times};
use super::schedules;
use crate::db::dashboard::{GET_SCHEDULE, PREVIEW_SCHEDULE};

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let id = asked.id("schedule")?;
    let found =
        dashboard.read_one::<Schedule>(&asked.identity, &GET_SCHEDULE, json!({ "schedule_id": id })).await;
    let schedule = match found {
        Ok(schedule) => schedule,
        Err(Stop::Refused { refusal, .. }) if refusal.state == "P0002" => None,
        Err(stop) => return Err(stop),
    };
    let schedule =
        schedule.filter(|schedule| schedule.workspace_id == asked.workspace.id).ok_or(Stop::NotFound)?;
    let coming = match schedule.state.as_str() {
        "ended" => Vec::new(),
        _ => dashboard.read(&asked.identity, &PREVIEW_SCHEDULE, json!({ "schedule_id": id })).await?,
    };
    Ok(shell::page(&asked, Place::Schedules, "Schedule", &view(&asked, &schedule, &coming)))
}

fn view(asked: &Asked, schedule: &Schedule, coming: &[Coming]) -> Markup {
    let id = schedule.id.to_string();
    html! {
        p class="line" { strong { (schedules::name(schedule)) } " " (show::state(&schedule.state)) " " (schedule.kind) }
        @if let Some(rule) = &schedule.rule { p { "Rule: " code { (rule) } ", in " (schedule.zone) } }
        @if let Some(content) = schedule.template["content"].as_str() { (show::text(content)) }
        div class="acts" {
            @if schedule.state == "active" && asked.may("pause_schedule") {
                (show::button(asked, "pause-schedule", &[("schedule", &id)], "Pause", schedules::name(schedule)))
            }
            @if schedule.state == "paused" && asked.may("resume_schedule") {
                (show::button(asked, "resume-schedule", &[("schedule", &id)], "Resume", schedules::name(schedule)))
            }
        }
        section aria-labelledby="coming" {
            h2 id="coming" { @if schedule.state == "paused" { "If it were resumed now" } @else { "What comes" } }
            @if coming.is_empty() { p { "Nothing." } }
            ol { @for one in coming { li { (next(asked, one)) } } }
        }
        section aria-labelledby="recent" {
            h2 id="recent" { "What became of the last ones" }
            @if schedule.recent.is_empty() { p { "There were none." } }
            ol { @for one in &schedule.recent { li { (past(asked, one)) } } }
        }
    }
}

fn next(asked: &Asked, one: &Coming) -> Markup {
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
                "state": state, "rule": "<script>", "zone": "Europe/Berlin", "next_at": null, "template": { "content": "<i>" },
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
        let shown = view(&asked("editor"), &schedule("active"), &coming).into_string();
        assert_accessible(&shown);
        assert!(shown.contains("/do/pause-schedule") && shown.contains("02:30:00 is left out"), "{shown}");
        for tag in ["<b>", "<script", "<i>", "<u>"] {
            assert!(!shown.contains(tag), "{tag} in {shown}");
        }
        assert!(
            view(&asked("editor"), &schedule("paused"), &[]).into_string().contains("/do/resume-schedule")
        );
        assert!(!view(&asked("viewer"), &schedule("active"), &coming).into_string().contains("<form"));
    }
}
