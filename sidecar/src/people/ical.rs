//! Posts as a calendar (RFC 5545): one VEVENT for each. docs/cli.md says what stands in which property.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use icalendar::{
    Calendar, CalendarComponent, CalendarDateTime, Component, DatePerhapsTime, Event, EventLike, EventStatus,
    Property,
};
use serde_json::Value;

use super::entry::Media;
use super::record::{Line, Record};
use super::text::{first_words, one_line};
use super::zone::{self, Found};

const ACCOUNTS: &str = "X-CRIER-ACCOUNTS";
const STATE: &str = "X-CRIER-STATE";
const MEDIA: &str = "X-CRIER-MEDIA";
/// Columns of the summary.
const SUMMARY: usize = 70;

/// The whole calendar.
pub(crate) fn write(records: &[Record], now: DateTime<Utc>) -> String {
    let mut calendar = Calendar::new();
    calendar.properties = Property::from_array([
        ("VERSION", "2.0"),
        ("PRODID", "-//Crier//crierd//EN"),
        ("CALSCALE", "GREGORIAN"),
    ]);
    calendar.name("Crier");
    for record in records {
        calendar.push(event(record, now));
    }
    calendar.to_string()
}

fn event(record: &Record, now: DateTime<Utc>) -> Event {
    let mut event = Event::new();
    event.uid(&record.source_id()).timestamp(now);
    if let Some(at) = record.at {
        event.starts(at);
    }
    // it takes nobody's time
    event.add_property("TRANSP", "TRANSPARENT");
    event.summary(&first_words(&record.content, SUMMARY)).description(&lines(&record.content));
    event.status(match record.state.as_str() {
        "draft" | "in_review" => EventStatus::Tentative,
        "canceled" => EventStatus::Cancelled,
        _ => EventStatus::Confirmed,
    });
    event.add_property(STATE, &record.state).add_property(ACCOUNTS, record.accounts.join(" "));
    if let Some(url) = record.urls.first() {
        event.url(url);
    }
    if !record.tags.is_empty() {
        event.categories(&record.tags);
    }
    if !record.media.is_empty() {
        event.add_property(MEDIA, Media::json(&record.media).to_string());
    }
    for media in record.media.iter().filter(|media| !media.url.chars().any(|c| c.is_control())) {
        event.add_multi_property("ATTACH", &media.url);
    }
    event.done()
}

/// With line ends as the format has them, and no other control characters, which it does not have.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// Every event of a calendar. `zone`: of times that name none.
pub(crate) fn read(text: &str, zone: Tz) -> Vec<Line> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    // the first line of the event that is being read, and what it has so far
    let mut open: Option<(u64, String)> = None;
    let mut number = 0;
    for line in text.lines() {
        number += 1;
        let marker = line.trim_end();
        match &mut open {
            None if marker.eq_ignore_ascii_case("BEGIN:VEVENT") => {
                open = Some((number, "BEGIN:VEVENT".to_owned()));
            }
            None => {}
            Some((began, _)) if marker.eq_ignore_ascii_case("BEGIN:VEVENT") => {
                found.push(bad(*began, "the event has no END:VEVENT".into()));
                open = Some((number, "BEGIN:VEVENT".to_owned()));
            }
            Some((_, block)) => {
                match line.strip_prefix([' ', '\t']) {
                    // a long line is folded into several
                    Some(rest) => block.push_str(rest),
                    None => {
                        block.push('\n');
                        block.push_str(line);
                    }
                }
                if marker.eq_ignore_ascii_case("END:VEVENT")
                    && let Some((began, block)) = open.take()
                {
                    found.push(parse(began, &block, zone));
                }
            }
        }
    }
    if let Some((began, _)) = open {
        found.push(bad(began, "the event has no END:VEVENT".into()));
    }
    found
}

fn bad(number: u64, why: String) -> Line {
    Line { number, record: Err(why), note: None }
}

fn parse(number: u64, block: &str, zone: Tz) -> Line {
    let component = match icalendar::parser::Component::try_from(block) {
        Ok(component) => component,
        Err(error) => return bad(number, format!("not iCalendar: {}", first_words(&one_line(&error), 200))),
    };
    let CalendarComponent::Event(event) = CalendarComponent::from(component) else {
        return bad(number, "it is no event".into());
    };
    let mut note = None;
    let record = record(&event, zone, &mut note);
    Line { number, record, note }
}

fn record(event: &Event, zone: Tz, note: &mut Option<String>) -> Result<Record, String> {
    let value = |key: &str| event.property_value(key).unwrap_or_default();
    for key in ["RRULE", "RDATE", "RECURRENCE-ID"] {
        if event.properties().contains_key(key) || event.multi_properties().contains_key(key) {
            return Err(format!("it recurs ({key}): make a schedule of it"));
        }
    }
    let content = Some(value("DESCRIPTION")).filter(|text| !text.is_empty()).unwrap_or(value("SUMMARY"));
    let state = match (value(STATE), event.get_status()) {
        ("", Some(EventStatus::Tentative)) => "draft",
        ("", Some(EventStatus::Cancelled)) => "canceled",
        (state, _) => state,
    };
    let start = event.get_start();
    if start.is_none() && event.properties().contains_key("DTSTART") {
        return Err(format!("DTSTART is {:?}, which is no time", first_words(value("DTSTART"), 40)));
    }
    Ok(Record {
        id: value("UID").trim().to_owned(),
        at: start.map(|start| instant(start, zone, note)).transpose()?,
        zone: None,
        accounts: value(ACCOUNTS).split_whitespace().map(str::to_owned).collect(),
        content: content.to_owned(),
        media: media(event)?,
        tags: event.get_categories().unwrap_or_default(),
        state: state.trim().to_lowercase(),
        urls: event.get_url().map(str::to_owned).into_iter().collect(),
    })
}

fn instant(start: DatePerhapsTime, zone: Tz, note: &mut Option<String>) -> Result<DateTime<Utc>, String> {
    let (wall, zone) = match start {
        DatePerhapsTime::DateTime(CalendarDateTime::Utc(at)) => return Ok(at),
        DatePerhapsTime::DateTime(CalendarDateTime::Floating(wall)) => (wall, zone),
        DatePerhapsTime::DateTime(CalendarDateTime::WithTimezone { date_time, tzid }) => {
            (date_time, named(&tzid)?)
        }
        DatePerhapsTime::Date(date) => {
            return Err(format!("it is on {date} without a time of day (DTSTART;VALUE=DATE)"));
        }
    };
    let Found { instant, decided } = zone::instant(wall, zone);
    *note = decided.map(|decided| super::when::decision(wall, decided, instant, zone));
    Ok(instant)
}

/// The zone of a TZID. Some programs put a path before the name.
fn named(tzid: &str) -> Result<Tz, String> {
    let tzid = tzid.trim_matches('"');
    let tails = tzid.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| &tzid[at + 1..]);
    let mut names = std::iter::once(tzid).chain(tails);
    names
        .find_map(|name| name.parse().ok())
        .map_or_else(|| zone::parse(tzid).map_err(|error| error.to_string()), Ok)
}

fn media(event: &Event) -> Result<Vec<Media>, String> {
    if let Some(json) = event.property_value(MEDIA) {
        let json: Value =
            serde_json::from_str(json).map_err(|error| format!("{MEDIA}: not JSON: {error}"))?;
        return Media::list(&json).map_err(|why| format!("{MEDIA}: {why}"));
    }
    // of other programs: what says that it is a picture
    let attached = event.properties().get("ATTACH").into_iter();
    let attached = attached.chain(event.multi_properties().get("ATTACH").into_iter().flatten());
    let media = attached.filter_map(|attached| {
        let kind =
            attached.params().get("FMTTYPE")?.value().trim_matches('"').split('/').next()?.to_lowercase();
        let known = matches!(kind.as_str(), "image" | "video") && attached.value().starts_with("https://");
        known.then(|| Media { url: attached.value().to_owned(), alt: String::new(), kind: Some(kind) })
    });
    Ok(media.collect())
}

#[cfg(test)]
#[path = "ical_tests.rs"]
mod tests;
