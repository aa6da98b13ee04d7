//! `crierd calendar`: what a workspace publishes when, as a person reads it.

use chrono::{Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use clap::Args;
use uuid::Uuid;

use super::accounts;
use super::agenda::{Span, render};
use super::out::print;
use super::terminal::Screen;
use super::{fetch, when, zone};
use crate::config::Config;
use crate::db::Db;
use crate::error::Error;

#[derive(Debug, Args)]
pub(crate) struct Calendar {
    /// The week of today, or of --from, Monday to Sunday [default]
    #[arg(long, conflicts_with_all = ["month", "days"])]
    week: bool,
    /// The month of today, or of --from
    #[arg(long, conflicts_with = "days")]
    month: bool,
    /// The first day: 2026-12-01, today, tomorrow, monday
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// How many days from there on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=366))]
    days: Option<u32>,
    /// The time zone, for instance Europe/Berlin [default: the system's]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The workspace, where there is more than one
    #[arg(long, value_name = "UUID")]
    workspace: Option<Uuid>,
}

/// Prints it.
pub(crate) async fn run(config: &Config, calendar: Calendar) -> Result<(), Error> {
    let zone = zone::choose(calendar.zone.as_deref())?;
    let now = Utc::now();
    let span = calendar.span(now.with_timezone(&zone).date_naive(), zone)?;
    let db = Db::new(&config.database)?;
    let workspace = accounts::workspace(&db, calendar.workspace).await?;
    let (from, to) = span.bounds();
    let fetched = fetch::entries(&db, workspace, from, to).await?;
    let mut text = render(span, &fetched.entries, now, Screen::of_stdout());
    for at in fetched.crowded {
        text += &format!("note: there are more posts than are shown at {}\n", when::local(at, zone));
    }
    print(&text).map(drop)
}

impl Calendar {
    fn span(&self, today: NaiveDate, zone: Tz) -> Result<Span, Error> {
        let from = self.from.as_deref().map(|text| when::read_day(text, today)).transpose()?;
        let day = from.unwrap_or(today);
        let monday = day - Days::new(day.weekday().num_days_from_monday().into());
        let (first, count) = match (self.days, self.month, from) {
            (Some(days), ..) => (day, days),
            (None, true, _) => {
                let first = day.with_day(1).unwrap_or(day);
                let next = first.checked_add_months(chrono::Months::new(1)).unwrap_or(first);
                (first, u32::try_from((next - first).num_days()).unwrap_or(31))
            }
            // a day alone: a week from there on
            (None, false, Some(day)) if !self.week => (day, 7),
            _ => (monday, 7),
        };
        Ok(Span { first, count, zone })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        calendar: Calendar,
    }

    fn span(arguments: &[&str]) -> (String, u32) {
        let parsed = Command::try_parse_from([&["calendar"], arguments].concat()).unwrap();
        // a Wednesday
        let today = NaiveDate::from_ymd_opt(2026, 12, 2).unwrap();
        let span = parsed.calendar.span(today, Tz::UTC).unwrap();
        (span.first.to_string(), span.count)
    }

    #[test]
    fn a_week_a_month_or_some_days() {
        assert_eq!(span(&[]), ("2026-11-30".into(), 7));
        assert_eq!(span(&["--week"]), ("2026-11-30".into(), 7));
        assert_eq!(span(&["--week", "--from", "2026-12-13"]), ("2026-12-07".into(), 7));
        assert_eq!(span(&["--month"]), ("2026-12-01".into(), 31));
        assert_eq!(span(&["--month", "--from", "2028-02-10"]), ("2028-02-01".into(), 29));
        assert_eq!(span(&["--from", "tomorrow"]), ("2026-12-03".into(), 7));
        assert_eq!(span(&["--from", "2026-12-13", "--days", "3"]), ("2026-12-13".into(), 3));
        assert_eq!(span(&["--days", "3"]), ("2026-12-02".into(), 3));
        for wrong in
            [&["--days", "0"][..], &["--days", "367"], &["--week", "--month"], &["--month", "--days", "2"]]
        {
            assert!(Command::try_parse_from([&["calendar"], wrong].concat()).is_err(), "{wrong:?}");
        }
    }
}
