//! The calendar as text: a block for each day, a line for each post, one more for each further account.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Days, NaiveDate, Offset, Utc};
use chrono_tz::Tz;

use super::entry::Entry;
use super::mark::{Mark, mark};
use super::terminal::{Screen, Style};
use super::text::{first_words, one_line, pad, width};
use super::zone;

/// Accounts of a post that are shown.
const MAX_ACCOUNTS: usize = 5;
/// What stands before the name of an account: two blanks, the time, the mark, with blanks after them.
const BEFORE: usize = 2 + 5 + 1 + 1 + 1;

/// Whole days in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: NaiveDate,
    pub(crate) count: u32,
    pub(crate) zone: Tz,
}

impl Span {
    /// When they begin and when they have ended.
    pub(crate) fn bounds(self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.start(0), self.start(self.count))
    }

    fn start(self, day: u32) -> DateTime<Utc> {
        zone::instant(self.day(day).and_time(chrono::NaiveTime::MIN), self.zone).instant
    }

    fn day(self, day: u32) -> NaiveDate {
        self.first.checked_add_days(Days::new(day.into())).unwrap_or(NaiveDate::MAX)
    }

    fn title(self) -> String {
        let last = self.day(self.count.saturating_sub(1));
        let from = match (self.first.year() == last.year(), self.first.month() == last.month()) {
            (true, true) => self.first.format("%-d"),
            (true, false) => self.first.format("%-d %B"),
            _ => self.first.format("%-d %B %Y"),
        };
        let to = last.format("%-d %B %Y");
        if self.count == 1 { to.to_string() } else { format!("{from} – {to}") }
    }
}

/// All of it, as it is printed.
pub(crate) fn render(days: Span, entries: &[Entry], now: DateTime<Utc>, screen: Screen) -> String {
    let entries: Vec<_> = entries.iter().flat_map(Entry::by_time).collect();
    let mut out = String::new();
    let title = format!("{}, {}", days.title(), days.zone.name());
    line(&mut out, &screen.paint(Style::Heading, &title));
    let names = entries.iter().flat_map(|entry| &entry.accounts).map(|on| width(&one_line(&on.name())));
    // at most a third of the line, so that there is room for what is said
    let columns = names.max().unwrap_or(0).min((screen.columns / 3).max(16));
    let mut seen = BTreeSet::new();
    for day in 0..days.count {
        let (from, to) = (days.start(day), days.start(day + 1));
        let mut of_day: Vec<_> =
            entries.iter().filter(|entry| from <= entry.due_at && entry.due_at < to).collect();
        of_day.sort_by_key(|entry| (entry.due_at, entry.post_id));
        out.push('\n');
        line(&mut out, &heading(days, day, of_day.len(), now, screen));
        if let Some(change) = change_of_clocks(from, to, days.zone) {
            line(&mut out, &screen.paint(Style::Odd, &format!("  {change}")));
        }
        for entry in of_day {
            post(&mut out, entry, days.zone, columns, screen, &mut seen);
        }
    }
    if !seen.is_empty() {
        out.push('\n');
        legend(&mut out, &seen, screen);
    }
    out
}

fn heading(days: Span, day: u32, posts: usize, now: DateTime<Utc>, screen: Screen) -> String {
    let date = days.day(day);
    let mut name = date.format("%A %-d %B").to_string();
    if now.with_timezone(&days.zone).date_naive() == date {
        name += ", today";
    }
    let count = match posts {
        0 => "nothing".to_owned(),
        1 => "1 post".to_owned(),
        posts => format!("{posts} posts"),
    };
    let gap = screen.columns.saturating_sub(width(&name) + width(&count)).max(2);
    let (name, count) = (screen.paint(Style::Heading, &name), screen.paint(Style::Faint, &count));
    format!("{name}{}{count}", " ".repeat(gap))
}

fn change_of_clocks(from: DateTime<Utc>, to: DateTime<Utc>, zone: Tz) -> Option<String> {
    let offset = |at: DateTime<Utc>| at.with_timezone(&zone).offset().fix();
    let (before, after) = (offset(from), offset(to));
    (before != after).then(|| format!("the clocks change from {before} to {after}"))
}

/// What the marks mean that were shown.
fn legend(out: &mut String, seen: &BTreeSet<Mark>, screen: Screen) {
    let mut text = String::new();
    for mark in seen {
        let next = format!("{} {}", mark.sign, mark.meaning);
        if text.is_empty() {
            text = next;
        } else if width(&text) + 3 + width(&next) <= screen.columns {
            text = format!("{text}   {next}");
        } else {
            line(out, &screen.paint(Style::Faint, &text));
            text = next;
        }
    }
    line(out, &screen.paint(Style::Faint, &text));
}

fn post(
    out: &mut String,
    entry: &Entry,
    zone: Tz,
    columns: usize,
    screen: Screen,
    seen: &mut BTreeSet<Mark>,
) {
    let time = entry.due_at.with_timezone(&zone).format("%H:%M").to_string();
    let says = first_words(&entry.content, screen.columns.saturating_sub(BEFORE + columns + 2));
    let says = if says.is_empty() && entry.media > 0 { format!("[{} media]", entry.media) } else { says };
    if entry.accounts.is_empty() {
        row(out, &time, mark(&entry.state), &pad("", columns), &says, screen, seen);
        return;
    }
    for (at, on) in entry.accounts.iter().take(MAX_ACCOUNTS).enumerate() {
        let (time, says) = if at == 0 { (time.as_str(), says.as_str()) } else { ("", "") };
        // before a post has targets its own state is all there is
        let mark = mark(on.state.as_deref().unwrap_or(&entry.state));
        let name = pad(&first_words(&on.name(), columns), columns);
        row(out, time, mark, &name, says, screen, seen);
    }
    if let more @ 1.. = entry.accounts.len().saturating_sub(MAX_ACCOUNTS) {
        line(out, &format!("{}and {more} more accounts", " ".repeat(BEFORE)));
    }
}

fn row(
    out: &mut String,
    time: &str,
    mark: Mark,
    name: &str,
    says: &str,
    screen: Screen,
    seen: &mut BTreeSet<Mark>,
) {
    seen.insert(mark);
    let sign = screen.paint(mark.style(), mark.sign);
    line(out, &format!("  {time:<5} {sign} {name}  {says}"));
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

#[cfg(test)]
#[path = "agenda_tests.rs"]
mod tests;
