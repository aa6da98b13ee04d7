//! The calendar: a week or a month in the person's zone. Posts are dragged to another day, or moved by a form.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{Datelike, Days, Months, NaiveDate};
use maud::{Markup, html};
use serde_json::json;

use super::super::access::Asked;
use super::super::data::Planned;
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, times};
use super::post;
use crate::db::CALENDAR_ROWS;
use crate::db::dashboard::CALENDAR;

/// The days that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    is_month: bool,
    /// The day that was asked for.
    day: NaiveDate,
    first: NaiveDate,
    /// How many.
    days: u64,
}

impl Span {
    fn of(asked: &Asked) -> Self {
        let day = asked.query.get("day").and_then(|text| text.parse().ok());
        let day: NaiveDate = day.unwrap_or_else(|| times::day(asked.now, asked.zone()));
        // what lies beyond, no post has
        let day = Some(day).filter(|day| (1971..=2099).contains(&day.year())).unwrap_or_default();
        if asked.query.get("view") != Some("month") {
            return Self { is_month: false, day, first: times::monday(day), days: 7 };
        }
        let begin = day.with_day(1).unwrap_or(day);
        let end = begin.checked_add_months(Months::new(1)).unwrap_or(begin);
        let first = times::monday(begin);
        let weeks = u64::try_from((end - first).num_days()).unwrap_or(0).div_ceil(7);
        Self { is_month: true, day, first, days: weeks * 7 }
    }

    fn all(self) -> impl Iterator<Item = NaiveDate> {
        self.first.iter_days().take(usize::try_from(self.days).unwrap_or(0))
    }

    fn view(self) -> &'static str {
        if self.is_month { "month" } else { "week" }
    }

    /// A day of the span before, and of the one after.
    fn around(self) -> [Option<NaiveDate>; 2] {
        match self.is_month {
            true => {
                [self.day.checked_sub_months(Months::new(1)), self.day.checked_add_months(Months::new(1))]
            }
            false => [self.day.checked_sub_days(Days::new(7)), self.day.checked_add_days(Days::new(7))],
        }
    }
}

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let span = Span::of(&asked);
    let end = span.first.checked_add_days(Days::new(span.days)).unwrap_or(span.first);
    let arguments = json!({
        "p_workspace_id": asked.workspace.id,
        "p_from": times::begin(span.first, asked.zone()).to_rfc3339(),
        "p_to": times::begin(end, asked.zone()).to_rfc3339(),
    });
    let planned = dashboard.read(&asked.identity, &CALENDAR, arguments).await?;
    Ok(shell::page(&asked, Place::Calendar, "Calendar", &view(&asked, span, &planned)))
}

fn view(asked: &Asked, span: Span, planned: &[Planned]) -> Markup {
    let mut by_day: BTreeMap<NaiveDate, Vec<&Planned>> = BTreeMap::new();
    for one in planned {
        by_day.entry(times::day(one.due_at, asked.zone())).or_default().push(one);
    }
    let today = times::day(asked.now, asked.zone());
    let to = |view: &str, day: NaiveDate| format!("{}/calendar?view={view}&day={day}", asked.base());
    let other = if span.is_month { "week" } else { "month" };
    let [before, after] = span.around();
    html! {
        nav class="acts" aria-label="Calendar" {
            @if let Some(day) = before { a href=(to(span.view(), day)) rel="prev" { "Previous " (span.view()) } }
            a href=(to(span.view(), today)) { "Today" }
            @if let Some(day) = after { a href=(to(span.view(), day)) rel="next" { "Next " (span.view()) } }
            a href=(to(other, span.day)) { "As a " (other) }
        }
        @if planned.len() >= CALENDAR_ROWS {
            p class="problem" { "These are the first " (CALENDAR_ROWS) " posts; look at fewer days to see the others." }
        }
        ol class=(format!("days {}", span.view())) {
            @for day in span.all() {
                li class=(class(span, day, today)) data-day=(day) {
                    h2 { time datetime=(day) { (day.format("%a %-d %b")) } @if day == today { " (today)" } }
                    @if let Some(those) = by_day.get(&day) {
                        ol class="entries" { @for one in those { li { (entry(asked, one)) } } }
                    }
                }
            }
        }
        @if asked.may("reschedule_post") {
            // what the script fills in where a post is dropped on another day
            (show::act(asked, "reschedule", &[("post", ""), ("at", "")], &html! {}, &html! {
                button type="submit" id="move" hidden { "Move" }
            }))
        }
    }
}

fn class(span: Span, day: NaiveDate, today: NaiveDate) -> &'static str {
    match (day == today, span.is_month && day.month() != span.day.month()) {
        (true, _) => "day today",
        (_, true) => "day other",
        _ => "day",
    }
}

fn entry(asked: &Asked, one: &Planned) -> Markup {
    let base = asked.base();
    let link = match (one.post_id, one.schedule_id) {
        (Some(post), _) => Some(format!("{base}/posts/{post}")),
        (None, Some(schedule)) => Some(format!("{base}/schedules/{schedule}")),
        (None, None) => None,
    };
    // what is out, or may be, stays where it is
    let moves = !matches!(
        one.state.as_str(),
        "published" | "partly_published" | "publishing" | "planned" | "unconfirmed"
    );
    let movable = one.post_id.filter(|_| moves && asked.may("reschedule_post"));
    let clock = times::field(one.due_at, asked.zone()).split_off(11);
    html! {
        div class="entry" draggable=[movable.map(|_| "true")] data-post=[movable] data-clock=[movable.map(|_| clock)] {
            p class="line" { (times::clock(one.due_at, asked.zone())) " " (show::state(&one.state)) }
            p class="text" dir="auto" {
                @if let Some(link) = link { a href=(link) draggable="false" { (excerpt(&one.content)) } }
                @else { (excerpt(&one.content)) }
            }
            p class="line" {
                @for (at, account) in one.accounts.iter().flatten().enumerate() {
                    @if at > 0 { ", " }
                    (show::account(&account.platform, &account.handle))
                }
            }
            @if let Some(id) = movable {
                details { summary { "Move" } (post::rescheduling(asked, id, Some(one.due_at))) }
            }
        }
    }
}

fn excerpt(content: &str) -> String {
    match content.trim() {
        "" => "(without a text)".into(),
        text => super::super::words::shortened(text, 80),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};
    use uuid::Uuid;

    use super::super::super::access::tests::asked;
    use super::super::super::fields::Fields;
    use super::super::super::show::tests::assert_accessible;
    use super::*;

    fn at(query: &str) -> (Asked, Span) {
        let mut asked = asked("editor");
        asked.with_query(Fields::of(query));
        let span = Span::of(&asked);
        (asked, span)
    }

    fn planned(due_at: &str, state: &str, post: Value) -> Planned {
        from_value(json!({
            "due_at": due_at, "post_id": post, "schedule_id": Uuid::from_u128(9), "state": state,
            "content": "<script>x</script>", "accounts": [{ "platform": "<i>", "handle": "<b>" }],
        }))
        .unwrap()
    }

    #[test]
    fn a_week_begins_on_monday_and_a_month_is_whole_weeks() {
        let (_, week) = at("");
        assert_eq!((week.first.to_string(), week.days), ("2026-11-30".into(), 7));
        let (_, month) = at("view=month&day=2026-12-24");
        assert_eq!((month.first.to_string(), month.days), ("2026-11-30".into(), 35));
        let (_, february) = at("view=month&day=2027-02-10");
        assert_eq!((february.first.to_string(), february.days), ("2027-02-01".into(), 28));
        for bad in ["day=soon", "day=99999-01-01", "day=1066-10-14&view=month"] {
            assert!(at(bad).1.days <= 42, "{bad}");
        }
    }

    #[test]
    fn a_post_is_on_its_day_in_the_zone_and_moves_only_while_it_is_not_out() {
        let (asked, span) = at("");
        let (one, two) = (json!(Uuid::from_u128(7)), json!(Uuid::from_u128(8)));
        // half past midnight in Berlin
        let planned = [
            planned("2026-12-01T23:30:00+00:00", "scheduled", one),
            planned("2026-12-01T10:00:00+00:00", "published", two),
            planned("2026-12-03T10:00:00+00:00", "planned", Value::Null),
        ];
        let shown = view(&asked, span, &planned).into_string();
        assert_accessible(&shown);
        let wednesday = shown.find("data-day=\"2026-12-02\"").unwrap();
        assert!(shown.find("data-clock=\"00:30\"").unwrap() > wednesday, "{shown}");
        assert_eq!(shown.matches("draggable=\"true\"").count(), 1, "{shown}");
        assert_eq!(shown.matches("<summary>Move").count(), 1, "expected a way without a mouse: {shown}");
        assert!(shown.contains("Tue 1 Dec</time> (today)") && shown.contains("/schedules/"), "{shown}");
        assert!(!shown.contains("<script") && !shown.contains("<b>") && !shown.contains("<i>"), "{shown}");
        let viewer = super::super::super::access::tests::asked("viewer");
        let shown = view(&viewer, span, &planned).into_string();
        assert!(!shown.contains("draggable=\"true\"") && !shown.contains("<form"), "{shown}");
    }
}
