//! `crierd status`: how publishing goes, once or for as long as somebody looks.

use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use tokio::time::{MissedTickBehavior, interval};

use super::out::print;
use super::terminal::{Screen, Style};
use super::text::{first_words, one_line, width};
use super::when::{local, with_its_offset};
use super::zone;
use crate::config::Config;
use crate::db::{Db, PublishingStatus};
use crate::error::Error;
use crate::shutdown::Shutdown;

/// A post is late from then on: that a second passes until it is under way is usual.
const LATE: f64 = 2.0;
/// The shortest interval: a database has other things to do.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Go on until Ctrl-C. On a terminal it is drawn anew; elsewhere there is a line for each change
    #[arg(long)]
    watch: bool,
    /// How often to look
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = at_least, requires = "watch")]
    interval: Duration,
    /// The time zone of what is shown [default: the system's]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
}

fn at_least(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < MIN_INTERVAL { Err("at least 200ms".into()) } else { Ok(interval) }
}

/// Prints it, once or until a signal.
pub(crate) async fn run(config: &Config, status: Status) -> Result<(), Error> {
    let zone = zone::choose(status.zone.as_deref())?;
    let db = Db::new(&config.database)?;
    if !status.watch {
        let found = db.publishing_status().await?;
        return print(&block(&found, Utc::now(), zone, Screen::of_stdout())).map(drop);
    }
    let shutdown = Shutdown::on_signals()?;
    tokio::select! {
        () = shutdown.wait() => Ok(()),
        ended = watch(&db, status.interval, zone) => ended,
    }
}

async fn watch(db: &Db, every: Duration, zone: Tz) -> Result<(), Error> {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut drawn, mut said) = (0, None);
    loop {
        ticks.tick().await;
        let found = match db.publishing_status().await {
            Err(error) if !error.is_passing() => return Err(error),
            found => found,
        };
        // a window may have become another
        let screen = Screen::of_stdout();
        let now = Utc::now();
        let text = if screen.is_terminal {
            let text = match &found {
                Ok(found) => block(found, now, zone, screen),
                Err(error) => format!(
                    "{}\n",
                    screen.paint(Style::Bad, &first_words(&error.to_string(), screen.columns))
                ),
            };
            let hint = format!("every {}; Ctrl-C ends", humantime::format_duration(every));
            let text = format!("{text}{}\n", screen.paint(Style::Faint, &hint));
            let again = if drawn > 0 { format!("\x1b[{drawn}A\r\x1b[J") } else { String::new() };
            drawn = text.lines().count();
            format!("{again}{text}")
        } else {
            let says = match &found {
                Ok(found) => line(found),
                Err(error) => format!("error={:?}", one_line(&error.to_string())),
            };
            if said.as_ref() == Some(&says) {
                continue;
            }
            let text = format!("{} {says}\n", now.format("%Y-%m-%dT%H:%M:%SZ"));
            said = Some(says);
            text
        };
        if !print(&text)? {
            return Ok(());
        }
    }
}

/// For people.
fn block(status: &PublishingStatus, now: DateTime<Utc>, zone: Tz, screen: Screen) -> String {
    let known = |count: Option<i64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let mut out = String::new();
    let mut row = |name: &str, style: Option<Style>, text: String| {
        let text = first_words(&text, screen.columns.saturating_sub(11));
        let text = style.map_or_else(|| text.clone(), |style| screen.paint(style, &text));
        let _ = writeln!(out, "{} {text}", screen.paint(Style::Faint, &format!("{name:<9}")));
    };
    row("now", None, local(now, zone));
    if status.paused {
        let why = status.reason.as_deref().unwrap_or("no reason given");
        row("paused", Some(Style::Bad), format!("nothing is handed out: {why}"));
    }
    let (waiting, running, retrying) = (known(status.waiting), known(status.running), known(status.retrying));
    row("queue", None, format!("{waiting} waiting, {running} under way, {retrying} to be tried again"));
    row(
        "planned",
        None,
        match status.next_due_at {
            Some(next) => {
                format!(
                    "{} for later; the next is due {}",
                    status.planned,
                    with_its_offset(next.into(), zone)
                )
            }
            None => format!("{} for later", status.planned),
        },
    );
    match (status.due, status.late_for()) {
        (None, _) => row("late", None, "unknown: this is a standby".into()),
        (Some(due), Some(seconds)) => {
            row("late", Some(Style::Odd), format!("{due}, the first by {}", span(seconds)));
        }
        (Some(_), None) => row("late", None, "nothing".into()),
    }
    let ended = |minute: i64, hour: i64| format!("{minute} within a minute, {hour} within an hour");
    row("published", None, ended(status.published_last_minute, status.published_last_hour));
    let bad = (status.failed_last_hour > 0).then_some(Style::Bad);
    row("failed", bad, ended(status.failed_last_minute, status.failed_last_hour));
    match status.accounts_to_login {
        0 => row("logins", None, "every account is logged in".into()),
        accounts => {
            let names = status.logins.clone().unwrap_or_default().join(", ");
            let needs = if accounts == 1 { "account needs a login" } else { "accounts need a login" };
            row("logins", Some(Style::Odd), format!("{accounts} {needs}: {names}"));
        }
    }
    debug_assert!(screen.colour || out.lines().all(|line| width(line) <= screen.columns));
    out
}

/// For programs and logs: what changes by itself, as time passes, is left out.
fn line(status: &PublishingStatus) -> String {
    let known = |count: Option<i64>| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    let next = status.next_due_at.map(DateTime::<Utc>::from);
    let next = next.map_or_else(|| "none".to_owned(), |next| next.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let late = if status.late_for().is_some() { known(status.due) } else { "0".to_owned() };
    format!(
        "waiting={} running={} retrying={} planned={} late={late} next={next} published_minute={} failed_minute={} \
         published_hour={} failed_hour={} logins={} paused={}",
        known(status.waiting),
        known(status.running),
        known(status.retrying),
        status.planned,
        status.published_last_minute,
        status.failed_last_minute,
        status.published_last_hour,
        status.failed_last_hour,
        status.accounts_to_login,
        status.paused,
    )
}

fn span(seconds: f64) -> String {
    let whole = Duration::from_secs(seconds.clamp(0.0, 1e9) as u64);
    humantime::format_duration(whole).to_string()
}

impl PublishingStatus {
    /// For how many seconds something is late, if anything is.
    fn late_for(&self) -> Option<f64> {
        self.due_for.filter(|seconds| *seconds >= LATE && self.due.is_some_and(|due| due > 0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const PLAIN: Screen = Screen { columns: 80, colour: false, is_terminal: false };

    fn status() -> PublishingStatus {
        PublishingStatus {
            waiting: Some(12),
            running: Some(3),
            retrying: Some(1),
            due: Some(4),
            due_for: Some(75.4),
            next_due_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_112_000)),
            planned: 120,
            published_last_minute: 10,
            failed_last_minute: 0,
            published_last_hour: 340,
            failed_last_hour: 2,
            accounts_to_login: 1,
            logins: Some(vec!["bluesky:alice.test".into()]),
            paused: false,
            reason: None,
        }
    }

    #[test]
    fn it_is_read_at_a_glance() {
        let now = "2026-12-01T07:00:00Z".parse().unwrap();
        let expected = "\
now       Tue 2026-12-01 08:00 +01:00 (Europe/Berlin)
queue     12 waiting, 3 under way, 1 to be tried again
planned   120 for later; the next is due Tue 2026-12-01 09:00 +01:00
late      4, the first by 1m 15s
published 10 within a minute, 340 within an hour
failed    0 within a minute, 2 within an hour
logins    1 account needs a login: bluesky:alice.test
";
        assert_eq!(block(&status(), now, Tz::Europe__Berlin, PLAIN), expected);
        let paused =
            PublishingStatus { paused: true, reason: Some("a\ncopy".into()), due_for: Some(1.0), ..status() };
        let text = block(&paused, now, Tz::UTC, PLAIN);
        assert!(text.contains("paused    nothing is handed out: a copy\n"), "{text}");
        assert!(text.contains("late      nothing\n"), "{text}");
        let standby = block(&PublishingStatus::default(), now, Tz::UTC, PLAIN);
        assert!(standby.contains("? waiting") && standby.contains("standby"), "{standby}");
    }

    #[test]
    fn a_line_changes_only_with_what_it_tells() {
        let one = line(&status());
        assert!(
            one.contains("waiting=12") && one.contains("late=4") && one.contains("next=2026-12-01T08:00:00Z"),
            "{one}"
        );
        assert_eq!(one, line(&PublishingStatus { due_for: Some(80.0), ..status() }));
        assert_ne!(one, line(&PublishingStatus { running: Some(4), ..status() }));
        assert_eq!(at_least("2s"), Ok(Duration::from_secs(2)));
        assert!(at_least("1ms").is_err() && at_least("soon").is_err());
    }
}
