//! The queue as far as it is the workspace's: what waits, and what was given up.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::super::access::Asked;
use super::super::calls::given;
use super::super::data::{Job, Page, Stats};
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, times, words};
use crate::db::dashboard::{LIST_JOBS, WORKSPACE_STATS};

/// States of jobs in which something is still to come.
const COMING: [&str; 3] = ["running", "retrying", "pending"];
/// So many of each are shown.
const MOST: &str = "10";

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let (who, workspace) = (&asked.identity, asked.workspace.id.to_string());
    let stats = dashboard.read(who, &WORKSPACE_STATS, json!({ "p_workspace_id": workspace })).await?;
    let stats: Stats = stats.into_iter().next().ok_or(Stop::NotFound)?;
    let mut coming = Vec::new();
    for state in COMING {
        let arguments =
            given([("p_workspace_id", Some(&workspace)), ("p_status", Some(state)), ("p_limit", Some(MOST))]);
        coming.extend(dashboard.read_page::<Job>(who, &LIST_JOBS, arguments).await?.items);
    }
    let arguments = given([
        ("p_workspace_id", Some(&workspace)),
        ("p_status", Some("failed")),
        ("p_cursor", asked.query.get("cursor")),
        ("p_limit", Some("20")),
    ]);
    let failed = dashboard.read_page(who, &LIST_JOBS, arguments).await;
    let failed = failed.map_err(|stop| stop.back_to(&format!("{}/queue", asked.base())))?;
    Ok(shell::page(&asked, Place::Queue, "Queue", &view(&asked, &stats, &coming, &failed)))
}

fn view(asked: &Asked, stats: &Stats, coming: &[Job], failed: &Page<Job>) -> Markup {
    html! {
        section aria-labelledby="figures" {
            h2 id="figures" { "At a glance" }
            div class="figures" { (figures("Posts", &stats.posts)) (figures("Jobs", &stats.jobs)) }
            @if !stats.complete { p class="hint" { "Of the newest ones: there are more than are counted." } }
        }
        section aria-labelledby="coming" {
            h2 id="coming" { "Under way and waiting" }
            @if coming.is_empty() { p class="empty" { "Nothing. What is due in more than an hour comes here later." } }
            @else { ul class="cards" { @for one in coming { li { (job(asked, one)) } } } }
        }
        section aria-labelledby="dead" {
            h2 id="dead" { "Given up" }
            @if failed.is_empty() { p class="empty" { "None." } }
            ul class="cards" {
                @for one in &failed.items {
                    @let id = one.id.to_string();
                    li {
                        (job(asked, one))
                        div class="acts" {
                            @if asked.may("retry_jobs") {
                                (show::button(asked, "retry-job", &[("job", &id)], "Try again", &name(one)))
                            }
                            @if asked.may("purge_jobs") {
                                (show::grave(asked, "purge-job", &[("job", &id)], "Delete", "Delete this job for good?"))
                            }
                        }
                    }
                }
            }
            (show::next(asked, "/queue", failed.next()))
        }
    }
}

fn figures(title: &str, counts: &Map<String, Value>) -> Markup {
    html! {
        dl {
            dt class="title" { (title) }
            @if counts.is_empty() { dd { "none" } }
            @for (state, count) in counts { dt { (words::state(state)) } dd { (count) } }
        }
    }
}

fn name(job: &Job) -> String {
    let kind = job.kind.replace('_', " ");
    match &job.platform {
        Some(platform) => format!("{kind} on {platform}"),
        None => kind,
    }
}

fn job(asked: &Asked, job: &Job) -> Markup {
    let at = job.finished_at.or(job.run_at);
    html! {
        p class="line" {
            (show::state(&job.state)) " " (name(job))
            @if let Some(at) = at { ", " (times::shown(at, asked.zone())) }
            @if let Some(most) = job.max_attempts { ", attempt " (job.attempt) " of " (most) }
        }
        @if let Some(error) = job.error.as_ref().filter(|error| error.is_object()) { (show::error(error)) }
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
    fn what_was_given_up_is_tried_again_or_deleted_by_editors() {
        let stats = from_value(json!({
            "posts": { "published": 3, "<b>": 1 }, "jobs": {}, "accounts": {}, "members": 1, "complete": false,
        }));
        let stats = stats.unwrap();
        let failed = json!({
            "id": Uuid::from_u128(5), "kind": "<script>", "platform": "bluesky", "state": "failed", "attempt": 3,
            "max_attempts": 3, "run_at": null, "finished_at": "2026-12-01T08:00:00+00:00",
            "error": { "class": "transient", "message": "<i>" },
        });
        let page = || from_value(json!({ "items": [failed], "next_cursor": "c", "has_more": true })).unwrap();
        let shown = view(&asked("editor"), &stats, &[], &page()).into_string();
        assert_accessible(&shown);
        for part in [
            "/do/retry-job",
            "/do/purge-job",
            "attempt 3 of 3",
            "could not be reached",
            "queue?cursor=c",
            "Of the newest",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert!(!shown.contains("<script") && !shown.contains("<b>") && !shown.contains("<i>"), "{shown}");
        assert!(!view(&asked("viewer"), &stats, &[], &page()).into_string().contains("<form"));
    }
}
