//! The schedules, which make posts by themselves.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::access::Asked;
use super::super::calls::given;
use super::super::data::{Page, Schedule};
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, times};
use crate::db::dashboard::LIST_SCHEDULES;

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let workspace = asked.workspace.id.to_string();
    let arguments = given([("p_workspace_id", Some(&workspace)), ("p_cursor", asked.query.get("cursor"))]);
    let page = dashboard.read_page(&asked.identity, &LIST_SCHEDULES, arguments).await;
    let page = page.map_err(|stop| stop.back_to(&format!("{}/schedules", asked.base())))?;
    Ok(shell::page(&asked, Place::Schedules, "Schedules", &view(&asked, &page)))
}

fn view(asked: &Asked, page: &Page<Schedule>) -> Markup {
    html! {
        @if page.is_empty() {
            p class="empty" { "There are none. A schedule makes posts by itself: once, again and again, or from a queue of texts." }
        }
        ul class="cards" {
            @for schedule in &page.items {
                li {
                    p class="line" {
                        a href=(format!("{}/schedules/{}", asked.base(), schedule.id)) { (name(schedule)) }
                        " " (show::state(&schedule.state)) " " (schedule.kind)
                    }
                    @if let Some(at) = schedule.next_at { p class="line" { "Next: " (times::shown(at, asked.zone())) } }
                }
            }
        }
        (show::next(asked, "/schedules", page.next()))
    }
}

/// What people call it.
pub(super) fn name(schedule: &Schedule) -> &str {
    schedule.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or("(without a name)")
}
