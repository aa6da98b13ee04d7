//! What the page for operators looks like.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};
use uuid::Uuid;

use super::super::{show, times, words};
use super::ROOT;
use super::data::{Backlog, Block, Dead, Installation, Kind, Platform, Queue, Status, Worker};
use crate::db::MOST_BLOCKS;

/// Operators are anywhere: their times are those of the logs.
const ZONE: Tz = Tz::UTC;

/// When it was so.
pub(super) fn as_of(at: DateTime<Utc>) -> Markup {
    html! { time datetime=(at.to_rfc3339()) { (at.format("%F %T")) } " UTC" }
}

/// All of it. `token`: of its forms.
pub(super) fn installation(found: &Installation, token: &str) -> Markup {
    let held: Vec<_> = found.blocks.iter().filter(|block| !block.is_all()).collect();
    let pause = found.blocks.iter().find(|block| block.is_all());
    html! {
        (state(&found.status, pause, &found.queue, token))
        section aria-labelledby="alerts" {
            h2 id="alerts" { "Above a threshold" }
            @if found.alerts.is_empty() { p class="empty" { "Nothing." } }
            ul class="cards" { @for alert in &found.alerts { li {
                p class="headline" { strong { (alert.name.replace('_', " ")) } span { (number(alert.value)) ", threshold " (number(Some(alert.threshold))) } }
                p class="line" { (alert.about) }
            } } }
        }
        section aria-labelledby="blocks" {
            h2 id="blocks" { "Pauses, breakers and blocks" }
            @if held.is_empty() { p class="empty" { "Nothing is held up." } }
            ul class="cards" { @for one in &held { li { (block(one, token)) } } }
            @if found.blocks.len() >= MOST_BLOCKS as usize { p class="hint" { "There may be more: these are the first " (held.len()) "." } }
        }
        (sheet("backlog", "Backlog", "Nothing waits.", &backlog(&found.backlog)))
        (sheet("kinds", "Rates and latency, the last hour", "No job has ended.", &kinds(&found.kinds)))
        (sheet("platforms", "Publishing, the last day", "Nothing was published.", &platforms(&found.platforms)))
        (sheet("workers", "Workers", "None was seen within a day.", &workers(&found.workers)))
        section aria-labelledby="dead" {
            h2 id="dead" { "Dead letters" }
            @if found.dead.is_empty() { p class="empty" { "None." } }
            @else if found.queue.failed > found.dead.len() as i64 {
                p class="hint" { "The newest " (found.dead.len()) " of " (found.queue.failed) "." }
            }
            ul class="cards" { @for one in &found.dead { li { (dead(one, token)) } } }
        }
    }
}

fn state(status: &Status, pause: Option<&Block>, queue: &Queue, token: &str) -> Markup {
    let tiles = [
        ("Waiting", known(queue.pending)),
        ("To be tried again", known(queue.retrying)),
        ("Under way", known(queue.running)),
        ("Later than an hour", known(queue.scheduled_later)),
        ("Oldest due", seconds(queue.oldest_due_seconds)),
        ("Done in a minute", known(queue.completed_per_minute)),
        ("Done in an hour", known(queue.completed_last_hour)),
        ("Failed in an hour", known(queue.failed_last_hour)),
        ("Dead letters", queue.failed.to_string()),
    ];
    html! {
        @if status.paused {
            div class="problem" { p { "Nothing is handed out: " (status.reason.as_deref().unwrap_or_default()) } }
        } @else if let Some(pause) = pause {
            div class="problem" {
                p { "Nothing is handed out: " (pause.reason.as_deref().unwrap_or("it is paused, and no reason was given")) }
                (act(token, "resume", &[], &show::labeled("Hand out again", "")))
            }
        }
        dl class="tiles" { @for (name, value) in &tiles { div { dt { (name) } dd { (value) } } } }
        @if !status.paused && pause.is_none() {
            (act(token, "pause", &[], &html! {
                button type="submit" class="grave" data-ask="Hand out no job of the whole installation until somebody resumes it?" { "Pause everything" }
            }))
        }
    }
}

fn block(block: &Block, token: &str) -> Markup {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let id = |value: Option<Uuid>| value.map(|id| id.to_string()).unwrap_or_default();
    let (platform, host, action) = (text(&block.platform), text(&block.host), text(&block.action));
    let (account, workspace) = (id(block.account_id), id(block.workspace_id));
    let what = match &block.handle {
        Some(handle) => handle.clone(),
        None => [&account, &host, &action, &platform, &workspace]
            .into_iter()
            .find(|text| !text.is_empty())
            .cloned()
            .unwrap_or_default(),
    };
    let go_on = show::labeled("Let it go on", &what);
    let scope =
        [("kind", &*action), ("platform", &platform), ("account", &account), ("workspace", &workspace)];
    // of an account's, the rest says whose it is
    let scope = if account.is_empty() { scope.to_vec() } else { vec![("account", account.as_str())] };
    html! {
        p class="headline" {
            (show::account(&platform, &what))
            " " (show::state(if block.kind == "block" { "blocked" } else { "paused" }))
        }
        p class="line" {
            @match block.kind.as_str() {
                "pause" => "Handed out by nobody",
                "breaker" => "Circuit breaker",
                _ if action.is_empty() => "Everything",
                _ => (action.replace('_', " ")),
            }
            " until " (times::shown_text(&block.until, ZONE))
            @if let Some(by) = &block.set_by { ", set by the " (by) }
            @if let Some(reason) = &block.reason { ": " (words::shortened(reason, 300)) }
        }
        @if !workspace.is_empty() { p class="id" { "workspace " (workspace) } }
        @if block.kind == "pause" { (act(token, "resume", &scope, &go_on)) }
        @else if !account.is_empty() { (act(token, "unblock-account", &[("account", &account), ("action", &action)], &go_on)) }
        @else if !host.is_empty() { (act(token, "unblock-server", &[("platform", &platform), ("host", &host)], &go_on)) }
    }
}

fn dead(job: &Dead, token: &str) -> Markup {
    let (id, kind) = (job.job_id.to_string(), job.kind.replace('_', " "));
    let question = format!("Delete {kind} {id} for good?");
    html! {
        p class="line" {
            (kind)
            @if let Some(platform) = &job.platform { " on " (words::platform(platform)) }
            ", " (times::shown(job.finished_at, ZONE)) ", attempt " (job.attempt)
        }
        p class="id" { (id) @if let Some(workspace) = job.workspace_id { ", workspace " (workspace) } }
        @if let Some(error) = job.error.as_ref().filter(|error| error.is_object()) { (show::error(error)) }
        div class="acts" {
            (act(token, "retry-job", &[("job", &id)], &show::labeled("Try again", &format!("{kind} {id}"))))
            (act(token, "purge-job", &[("job", &id)], &html! {
                button type="submit" class="grave" data-ask=(question) { "Delete" span class="heard" { ": " (kind) " " (id) } }
            }))
        }
    }
}

fn act(token: &str, name: &str, hidden: &[(&str, &str)], button: &Markup) -> Markup {
    show::form(&format!("{ROOT}/do/{name}"), token, hidden, button)
}

/// The heads of a table, and its rows. The first of each names it.
struct Table {
    heads: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

fn sheet(id: &str, title: &str, empty: &str, table: &Table) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            @if table.rows.is_empty() { p class="empty" { (empty) } }
            @else {
                div class="wide sheet" tabindex="0" role="region" aria-labelledby=(id) {
                    table {
                        thead { tr { @for head in table.heads { th scope="col" { (head) } } } }
                        tbody {
                            @for row in &table.rows {
                                tr { @for (at, cell) in row.iter().enumerate() {
                                    @if at == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                                } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn backlog(found: &[Backlog]) -> Table {
    let row = |one: &Backlog| {
        let platform = one.platform.as_deref().map(words::platform).unwrap_or_default();
        let names = [one.kind.replace('_', " "), platform.to_string()];
        let counts = [one.due, one.pending, one.retrying, one.running];
        names.into_iter().chain(counts.map(|count| count.to_string())).collect()
    };
    Table {
        heads: &["Kind", "Platform", "Due", "Waiting", "To be tried again", "Under way"],
        rows: found.iter().map(row).collect(),
    }
}

fn kinds(found: &[Kind]) -> Table {
    let row = |kind: &Kind| {
        vec![
            kind.kind.as_deref().map_or_else(|| "All".to_owned(), |kind| kind.replace('_', " ")),
            kind.completed.to_string(),
            kind.failed.to_string(),
            share(kind.error_rate, words::failure),
            format!("{} / {}", seconds(kind.waiting_p50), seconds(kind.waiting_p95)),
            format!("{} / {}", seconds(kind.processing_p50), seconds(kind.processing_p95)),
        ]
    };
    Table {
        heads: &["Kind", "Done", "Failed", "Error rate", "Waiting p50 / p95", "Processing p50 / p95"],
        rows: found.iter().map(row).collect(),
    }
}

fn platforms(found: &[Platform]) -> Table {
    let row = |one: &Platform| {
        vec![
            one.platform
                .as_deref()
                .map_or_else(|| "All".to_owned(), |name| words::platform(name).to_string()),
            one.published.to_string(),
            one.failed.to_string(),
            share(one.success_rate, words::success),
        ]
    };
    Table { heads: &["Platform", "Published", "Failed", "Success"], rows: found.iter().map(row).collect() }
}

fn workers(found: &[Worker]) -> Table {
    let row = |one: &Worker| {
        vec![
            one.worker.clone(),
            known(one.running),
            known(one.workspaces),
            one.completed_last_day.to_string(),
            one.failed_last_day.to_string(),
            one.last_seen_at.map_or_else(String::new, |at| at.format("%F %T").to_string()),
        ]
    };
    Table {
        heads: &["Worker", "Jobs now", "Workspaces now", "Done in a day", "Failed in a day", "Seen last"],
        rows: found.iter().map(row).collect(),
    }
}

/// A standby does not know all.
fn known(count: Option<i64>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}

fn number(value: Option<f64>) -> String {
    match value {
        Some(value) if value.fract() == 0.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.3}"),
        None => "?".into(),
    }
}

fn share(value: Option<f64>, shown: fn(f64) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), shown)
}

fn seconds(value: Option<f64>) -> String {
    match value {
        None => "–".into(),
        Some(value) if value < 1.0 => format!("{:.0} ms", value * 1_000.0),
        Some(value) if value < 60.0 => format!("{value:.1} s"),
        Some(value) if value < 3_600.0 => format!("{:.0} min", value / 60.0),
        Some(value) => format!("{:.1} h", value / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::super::super::show::tests::assert_accessible;
    use super::*;

    fn shown(change: impl FnOnce(&mut Value)) -> String {
        let id = Uuid::from_u128(9);
        let mut found = json!({
            "status": { "paused": false, "reason": null },
            "queue": {
                "pending": 12, "retrying": 1, "running": 3, "scheduled_later": 40, "failed": 2, "completed_per_minute": 5,
                "completed_last_hour": 300, "failed_last_hour": 1, "oldest_due_seconds": 75.5,
            },
            "alerts": [{ "name": "failure_rate", "value": 0.25, "threshold": 0.1, "about": "<b>" }],
            "backlog": [
                { "kind": "publish_post", "platform": "x", "due": 4, "pending": 0, "retrying": 0, "running": 3 },
                { "kind": "<i>", "platform": null, "due": 0, "pending": 1, "retrying": 0, "running": 0 },
            ],
            "kinds": [{
                "kind": null, "completed": 9, "failed": 1, "error_rate": 0.1, "waiting_p50": 0.25, "waiting_p95": 4.0,
                "processing_p50": null, "processing_p95": 7_300.0,
            }],
            "platforms": [{ "platform": "mastodon", "published": 9, "failed": 1, "success_rate": 0.9 }],
            "workers": [{
                "worker": "crierd@<u>", "running": 2, "workspaces": 1, "completed_last_day": 8, "failed_last_day": 0,
                "last_seen_at": "2026-12-01T10:59:58+00:00",
            }],
            "blocks": [
                { "kind": "block", "workspace_id": id, "platform": "x", "account_id": id, "handle": "al\"ice", "action": "like",
                  "until": "infinity", "reason": "<s>", "set_by": "member" },
                { "kind": "breaker", "platform": "mastodon", "host": "a.example", "until": "2026-12-01T12:00:00+00:00", "reason": "open" },
                { "kind": "pause", "platform": "tiktok", "until": "infinity", "set_by": "operator" },
            ],
            "dead": [{ "job_id": id, "platform": "x", "kind": "publish_post", "attempt": 3, "finished_at": "2026-12-01T08:00:00Z",
                       "error": { "class": "transient", "message": "<em>" } }],
        });
        change(&mut found);
        installation(&from_value(found).unwrap(), "t0ken").into_string()
    }

    #[test]
    fn it_shows_what_waits_what_is_held_up_and_what_to_do() {
        let text = shown(|_| ());
        assert_accessible(&text);
        for part in [
            "0.250, threshold 0.100",
            "<dd>1 min</dd>",
            "publish post</th><td>X</td><td>4</td><td>0</td><td>0</td><td>3</td>",
            "10\u{a0}%</td><td>250 ms / 4.0 s</td><td>– / 2.0 h</td>",
            "90\u{a0}%",
            "2026-12-01 10:59:58",
            "further notice",
            "/operator/do/unblock-account",
            "/operator/do/unblock-server",
            "/operator/do/retry-job",
            "/operator/do/pause",
            "/operator/do/resume\"><input type=\"hidden\" name=\"csrf\" value=\"t0ken\"><input type=\"hidden\" name=\"kind\" value=\"\"><input type=\"hidden\" name=\"platform\" value=\"tiktok\">",
            "set by the member: &lt;s&gt;",
            "The newest 1 of 2.",
            "value=\"t0ken\"",
            "could not be reached",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("Nothing is handed out"));
        for bad in ["<b>", "<i>", "<u>", "<s>", "<em>", "al\"ice"] {
            assert!(!text.contains(bad), "{bad} in {text}");
        }
    }

    #[test]
    fn a_pause_is_ended_here_and_a_copy_is_not() {
        let pause = |reason: Value| {
            shown(|found| {
                found["blocks"] =
                    json!([{ "kind": "pause", "until": "infinity", "set_by": "operator", "reason": reason }])
            })
        };
        let text = pause("a <u>rest</u>".into());
        assert!(text.contains("Nothing is handed out: a &lt;u&gt;rest"), "{text}");
        assert!(
            text.contains("/operator/do/resume")
                && text.contains("Nothing is held up.")
                && !text.contains("/do/pause"),
            "{text}"
        );
        assert!(pause(Value::Null).contains("no reason was given"));
        // and a standby knows less
        let text = shown(|found| {
            found["status"] = json!({ "paused": true, "reason": "a copy: adopt it" });
            for field in ["pending", "retrying", "running", "scheduled_later", "oldest_due_seconds"] {
                found["queue"][field] = Value::Null;
            }
            for list in ["alerts", "backlog", "kinds", "platforms", "workers", "blocks", "dead"] {
                found[list] = json!([]);
            }
        });
        assert_accessible(&text);
        assert!(
            text.contains("Nothing is handed out: a copy: adopt it") && !text.contains("<form"),
            "{text}"
        );
        assert!(text.contains("<dd>?</dd>") && !text.contains("<table"), "{text}");
    }
}
