//! How publishing came out: by platform, and by day, as a picture and as a table.

mod chart;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use maud::{Markup, html};
use serde_json::json;

use super::super::access::Asked;
use super::super::data::{Counted, Rate};
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, words};
use crate::db::dashboard::{ANALYTICS, PUBLISH_RATES};

/// How far back people look.
const SPANS: [u64; 3] = [7, 30, 90];
const PUBLISHED: &str = "post_published";
const FAILED: &str = "post_publish_failed";

/// What came out on a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Day {
    published: i64,
    failed: i64,
}

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let span = span(&asked);
    let last = asked.now.date_naive();
    let first = last.checked_sub_days(Days::new(span - 1)).unwrap_or(last);
    let from = first.and_time(chrono::NaiveTime::MIN).and_utc().to_rfc3339();
    let (who, workspace) = (&asked.identity, asked.workspace.id);
    let arguments = json!({ "p_workspace_id": workspace, "p_from": from, "p_kinds": [PUBLISHED, FAILED] });
    let counted: Vec<Counted> = dashboard.read(who, &ANALYTICS, arguments).await?;
    let arguments = json!({ "p_workspace_id": workspace, "p_from": from });
    let rates: Vec<Rate> = dashboard.read(who, &PUBLISH_RATES, arguments).await?;
    let content = view(&asked, span, first, last, &counted, &rates);
    Ok(shell::page(&asked, Place::Analytics, "Analytics", &content))
}

fn span(asked: &Asked) -> u64 {
    let wanted = asked.query.get("days").and_then(|text| text.parse().ok());
    wanted.filter(|days| SPANS.contains(days)).unwrap_or(30)
}

fn view(
    asked: &Asked,
    span: u64,
    first: NaiveDate,
    last: NaiveDate,
    counted: &[Counted],
    rates: &[Rate],
) -> Markup {
    html! {
        nav class="tabs" aria-label="Time" {
            @for days in SPANS {
                a href=(format!("{}/analytics?days={days}", asked.base())) aria-current=[(days == span).then_some("true")] {
                    (days) " days"
                }
            }
        }
        @if rates.is_empty() && counted.is_empty() {
            p class="empty" { "Nothing was published in this time." }
        } @else {
            (totals(rates))
            section class="card" aria-labelledby="days" {
                h2 id="days" { "By day" }
                (chart::view(&by_day(counted, first, last)))
            }
            section class="card" aria-labelledby="platforms" {
                h2 id="platforms" { "By platform" }
                (by_platform(rates))
            }
            section class="card" aria-labelledby="table" {
                h2 id="table" { "By day and platform" }
                (table(counted))
            }
        }
        p class="hint" { "Days are in UTC. What ended as unconfirmed counts as failed by day." }
    }
}

fn totals(rates: &[Rate]) -> Markup {
    let sum = |of: fn(&Rate) -> i64| rates.iter().map(of).sum::<i64>();
    let (published, failed) = (sum(|rate| rate.published), sum(|rate| rate.failed));
    let ended = published + failed;
    html! {
        dl class="tiles" {
            div { dt { "Published" } dd { (published) } }
            div { dt { "Failed" } dd { (failed) } }
            div { dt { "Needs your word" } dd { (sum(|rate| rate.unconfirmed)) } }
            div { dt { "Came out" } dd { @if ended > 0 { (words::success(published as f64 / ended as f64)) } @else { "–" } } }
        }
    }
}

/// Every day, the first one first, with what came out on it.
fn by_day(counted: &[Counted], first: NaiveDate, last: NaiveDate) -> Vec<(NaiveDate, Day)> {
    let mut days: BTreeMap<NaiveDate, Day> =
        first.iter_days().take_while(|day| *day <= last).map(|day| (day, Day::default())).collect();
    for one in counted {
        let Some(day) = days.get_mut(&one.bucket.date_naive()) else { continue };
        match one.kind.as_deref() {
            Some(PUBLISHED) => day.published += one.events,
            Some(FAILED) => day.failed += one.events,
            _ => {}
        }
    }
    days.into_iter().collect()
}

fn platform(name: Option<&str>) -> String {
    name.map_or_else(|| "no platform".to_owned(), words::platform)
}

fn by_platform(rates: &[Rate]) -> Markup {
    html! {
        div class="wide" tabindex="0" role="region" aria-labelledby="platforms" {
            table {
                thead { tr {
                    th scope="col" { "Platform" } th scope="col" class="number" { "Published" } th scope="col" class="number" { "Failed" }
                    th scope="col" class="number" { "Unconfirmed" } th scope="col" class="number" { "Came out" }
                } }
                tbody {
                    @for rate in rates {
                        tr {
                            th scope="row" { (platform(rate.platform.as_deref())) }
                            td class="number" { (rate.published) } td class="number" { (rate.failed) } td class="number" { (rate.unconfirmed) }
                            td class="number" { @match rate.success_rate { Some(share) => (words::success(share)), None => "–" } }
                        }
                    }
                }
            }
        }
    }
}

fn table(counted: &[Counted]) -> Markup {
    let mut rows: BTreeMap<(NaiveDate, String), Day> = BTreeMap::new();
    for one in counted {
        let row = rows.entry((one.bucket.date_naive(), platform(one.platform.as_deref()))).or_default();
        match one.kind.as_deref() {
            Some(PUBLISHED) => row.published += one.events,
            Some(FAILED) => row.failed += one.events,
            _ => {}
        }
    }
    html! {
        div class="wide" tabindex="0" role="region" aria-labelledby="table" {
            table {
                thead { tr {
                    th scope="col" { "Day" } th scope="col" { "Platform" } th scope="col" class="number" { "Published" }
                    th scope="col" class="number" { "Failed" }
                } }
                tbody {
                    @for ((day, platform), one) in rows.iter().rev() {
                        tr {
                            th scope="row" { time datetime=(day) { (day.format("%a %-d %b %Y")) } }
                            td { (platform) } td class="number" { (one.published) } td class="number" { (one.failed) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};

    use super::super::super::access::tests::asked;
    use super::super::super::show::tests::assert_accessible;
    use super::*;

    fn counted(day: &str, kind: &str, platform: &str, events: i64) -> Counted {
        from_value(json!({ "bucket": format!("{day}T00:00:00+00:00"), "kind": kind, "platform": platform, "events": events })).unwrap()
    }

    #[test]
    fn every_day_is_there_and_the_table_says_what_the_picture_shows() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let all = [
            counted("2026-11-30", PUBLISHED, "bluesky", 3),
            counted("2026-11-30", FAILED, "<b>", 1),
            counted("2026-12-01", PUBLISHED, "bluesky", 2),
        ];
        let days = by_day(&all, day("2026-11-28"), day("2026-12-01"));
        assert_eq!(days.len(), 4);
        assert_eq!((days[0].1, days[2].1), (Day::default(), Day { published: 3, failed: 1 }));
        let rates: Vec<Rate> = from_value(json!([{
            "platform": "bluesky", "published": 1999, "failed": 1, "unconfirmed": 1, "success_rate": 0.9995, "failure_rate": Value::Null,
        }]))
        .unwrap();
        let text =
            view(&asked("viewer"), 30, day("2026-11-28"), day("2026-12-01"), &all, &rates).into_string();
        assert_accessible(&text);
        for part in
            ["<svg", "role=\"img\"", "99.9\u{a0}%", "Bluesky", "Mon 30 Nov 2026", "&lt;b&gt;", "days=7"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("<b>") && !text.contains(" style="), "{text}");
        let none = view(&asked("viewer"), 7, day("2026-11-28"), day("2026-12-01"), &[], &[]).into_string();
        assert!(none.contains("Nothing was published") && !none.contains("<svg"), "{none}");
    }

    #[test]
    fn only_the_spans_that_are_offered() {
        let of = |query: &str| {
            let mut asked = asked("viewer");
            asked.with_query(super::super::super::fields::Fields::of(query));
            span(&asked)
        };
        assert_eq!([of(""), of("days=7"), of("days=100000"), of("days=x")], [30, 7, 30, 30]);
    }
}
