//! `crierd export posts`: what a workspace publishes, as a table or a calendar.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Months, Utc};
use chrono_tz::Tz;
use clap::Args;
use uuid::Uuid;

use super::accounts::{self, Directory};
use super::agenda::Span;
use super::entry::{Entry, Full, OnAccount};
use super::files::Format;
use super::out::print;
use super::record::Record;
use super::{fetch, ical, table, when, zone};
use crate::config::Config;
use crate::db::Db;
use crate::error::Error;

/// So many posts are asked for at a time.
const AT_ONCE: usize = 200;
/// The longest time that is exported at once.
const MAX_YEARS: u32 = 20;

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// csv: a table; ics: a calendar
    #[arg(long, value_enum)]
    format: Format,
    /// The workspace, where there is more than one
    #[arg(long, value_name = "UUID")]
    workspace: Option<Uuid>,
    /// The first day [default: today]
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// The last day [default: a year after the first]
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// The time zone of days and of what is written [default: the system's]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
}

/// Writes it to standard output.
pub(crate) async fn run(config: &Config, export: Export) -> Result<(), Error> {
    let zone = zone::choose(export.zone.as_deref())?;
    let now = Utc::now();
    let (from, to) = export.bounds(now, zone)?;
    let db = Db::new(&config.database)?;
    let workspace = accounts::workspace(&db, export.workspace).await?;
    let fetched = fetch::entries(&db, workspace, from, to).await?;
    if let Some(at) = fetched.crowded.first() {
        let at = when::local(*at, zone);
        return Err(Error::Refused(format!(
            "more posts are due at the same moment, {at}, than the database lists"
        )));
    }
    let mut seen = HashSet::new();
    // one that is due at different times on different accounts may stand there for each; what a schedule will make is no post yet
    let entries = fetched.entries.into_iter().filter(|entry| entry.post_id.is_some_and(|id| seen.insert(id)));
    let entries: Vec<_> = entries.collect();
    let posts = full(&db, &entries).await?;
    let records = records(&db, workspace, &entries, &posts, zone).await?;
    let text = match export.format {
        Format::Csv => table::write(&records)?,
        Format::Ics => ical::write(&records, now),
    };
    print(&text)?;
    eprintln!("{} post(s)", records.len());
    tell_what_is_left_out(posts.values());
    Ok(())
}

/// A file of posts has their texts; what it has no room for is not lost in silence.
fn tell_what_is_left_out<'a>(posts: impl Iterator<Item = &'a Full> + Clone) {
    let inside = |post: &&Full| post.media.iter().any(|media| media.url.starts_with("data:"));
    let (inside, more) = (posts.clone().filter(inside).count(), posts.filter(|post| post.has_more).count());
    if inside > 0 {
        eprintln!(
            "left out of {inside}: images and videos that are not at an https: address but in the post itself"
        );
    }
    if more > 0 {
        eprintln!("left out of {more}: threads, first comments, variants and settings");
    }
}

impl Export {
    fn bounds(&self, now: DateTime<Utc>, zone: Tz) -> Result<(DateTime<Utc>, DateTime<Utc>), Error> {
        let today = now.with_timezone(&zone).date_naive();
        let day = |text: &Option<String>| text.as_deref().map(|text| when::read_day(text, today)).transpose();
        let first = day(&self.from)?.unwrap_or(today);
        let last = day(&self.to)?.or_else(|| first.checked_add_months(Months::new(12))).unwrap_or(first);
        let count = (last - first).num_days() + 1;
        if count < 1 {
            return Err(Error::Refused(format!("{last} is before {first}: --to is the last day")));
        }
        let count = u32::try_from(count).ok().filter(|count| *count <= MAX_YEARS * 366);
        let count = count.ok_or_else(|| {
            Error::Refused(format!(
                "from {first} to {last} are more than {MAX_YEARS} years: export them in parts"
            ))
        })?;
        Ok(Span { first, count, zone }.bounds())
    }
}

async fn full(db: &Db, entries: &[Entry]) -> Result<HashMap<Uuid, Full>, Error> {
    let ids: Vec<_> = entries.iter().filter_map(|entry| entry.post_id).collect();
    let mut posts = HashMap::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        posts.extend(db.full_posts(some).await?.into_iter().map(|post| (post.id, post)));
    }
    Ok(posts)
}

async fn records(
    db: &Db,
    workspace: Uuid,
    entries: &[Entry],
    posts: &HashMap<Uuid, Full>,
    zone: Tz,
) -> Result<Vec<Record>, Error> {
    let names: Vec<_> = entries.iter().flat_map(|entry| &entry.accounts).map(OnAccount::name).collect();
    let directory = Directory::ask(db, &names, Some(workspace)).await?;
    let name = |on: &OnAccount| {
        let name = on.name();
        // names stand beside each other with blanks between them
        let fits = !name.contains(|c: char| c.is_whitespace() || c.is_control()) && directory.is_clear(&name);
        if fits { name } else { on.account_id.to_string() }
    };
    let record = |entry: &Entry| {
        let post = posts.get(&entry.post_id?)?;
        let names = entry.accounts.iter().map(name).collect();
        Some(Record::of(entry, post, post.id.to_string(), zone, names))
    };
    Ok(entries.iter().filter_map(record).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_first_day_to_the_last() {
        let now = "2026-11-30T23:30:00Z".parse().unwrap();
        let bounds = |from: Option<&str>, to: Option<&str>| {
            let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
            let export = Export { format: Format::Csv, workspace: None, from, to, zone: None };
            let bounds = export.bounds(now, Tz::Europe__Berlin);
            bounds
                .map(|(from, to)| format!("{} {}", from.to_rfc3339(), to.to_rfc3339()))
                .map_err(|error| error.to_string())
        };
        let day = bounds(Some("2027-03-28"), Some("2027-03-28"));
        assert_eq!(day.unwrap(), "2027-03-27T23:00:00+00:00 2027-03-28T22:00:00+00:00");
        // it is December in Berlin already
        assert_eq!(bounds(None, None).unwrap(), "2026-11-30T23:00:00+00:00 2027-12-01T23:00:00+00:00");
        assert!(bounds(Some("2027-03-28"), Some("2027-03-27")).unwrap_err().contains("before"));
        assert!(bounds(Some("0001-01-01"), None).is_ok());
        assert!(bounds(Some("1999-01-01"), Some("2027-03-27")).unwrap_err().contains("in parts"));
    }
}
