//! `crierd import posts`: makes posts of a table or a calendar, all or none.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use uuid::Uuid;

use super::accounts::{self, Directory};
use super::entry::Media;
use super::files::Format;
use super::out::print;
use super::record::{Line, Record, Wish};
use super::text::one_line;
use super::when::local;
use super::{ical, table, zone};
use crate::config::Config;
use crate::db::{Atomic, Db, NewPost};
use crate::error::Error;

/// The most bytes of a file.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// The most posts that are made at once.
const MAX_POSTS: usize = 10_000;
/// The most bytes of what a post is called.
const MAX_ID_BYTES: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file; `-`: standard input
    file: PathBuf,
    /// csv: a table; ics: a calendar [default: by the end of the file's name]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The workspace, where there is more than one
    #[arg(long, value_name = "UUID")]
    workspace: Option<Uuid>,
    /// The accounts of posts that name none, each by its handle, by platform:handle or by its id
    #[arg(long, num_args = 1.., value_delimiter = ',', value_name = "ACCOUNT")]
    to: Vec<String>,
    /// The time zone of times that name none [default: the system's]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Check every line as the database would, and make nothing
    #[arg(long)]
    dry_run: bool,
}

/// What became of a file.
#[derive(Default)]
struct Outcome {
    made: Vec<String>,
    notes: Vec<String>,
    bad: Vec<(u64, String)>,
    there_already: usize,
    passed_over: usize,
}

/// Makes the posts, or says of each bad line what is wrong with it.
pub(crate) async fn run(config: &Config, import: Import) -> Result<(), Error> {
    let zone = zone::choose(import.zone.as_deref())?;
    let lines = import.read(zone)?;
    let db = Db::new(&config.database)?;
    let workspace = accounts::workspace(&db, import.workspace).await?;
    let records = lines.iter().filter_map(|line| line.record.as_ref().ok());
    let names: Vec<_> = records.flat_map(|record| &record.accounts).chain(&import.to).cloned().collect();
    let directory = Directory::ask(&db, &names, Some(workspace)).await?;
    let atomic = db.begin().await?;
    let maker =
        Maker { atomic: &atomic, directory: &directory, workspace, to: &import.to, zone, now: Utc::now() };
    let outcome = maker.make(lines).await?;
    if import.dry_run || !outcome.bad.is_empty() {
        atomic.give_up().await?;
    } else {
        atomic.commit().await?;
    }
    outcome.tell(import.dry_run)
}

impl Import {
    fn read(&self, zone: Tz) -> Result<Vec<Line>, Error> {
        let format = self.format.or_else(|| format_of(&self.file)).ok_or_else(|| {
            Error::Refused(format!("{}: is it --format csv or --format ics?", self.file.display()))
        })?;
        let text = read_text(&self.file)?;
        let lines = match format {
            Format::Csv => table::read(&text, zone)?,
            Format::Ics => ical::read(&text, zone),
        };
        match lines.len() {
            0 => Err(Error::Refused(format!("there are no posts in {}", self.file.display()))),
            many if many > MAX_POSTS => {
                let file = self.file.display();
                Err(Error::Refused(format!(
                    "{file} has {many} posts; at most {MAX_POSTS} are imported at once"
                )))
            }
            _ => Ok(lines),
        }
    }
}

fn format_of(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()?.to_lowercase().as_str() {
        "csv" => Some(Format::Csv),
        "ics" => Some(Format::Ics),
        _ => None,
    }
}

fn read_text(file: &Path) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(Error::file("read", file))?;
    let refused = |why: String| Error::Refused(format!("{}: {why}", file.display()));
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refused(format!("it has more than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        refused(format!("line {line} is not UTF-8: save the file as UTF-8"))
    })
}

struct Maker<'a> {
    atomic: &'a Atomic<'a>,
    directory: &'a Directory,
    workspace: Uuid,
    to: &'a [String],
    zone: Tz,
    now: DateTime<Utc>,
}

impl Maker<'_> {
    async fn make(&self, lines: Vec<Line>) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        let mut wanted: Vec<(u64, String, Record, Option<String>)> = Vec::new();
        let mut seen: HashMap<String, u64> = HashMap::new();
        for Line { number, record, note } in lines {
            let named = record.and_then(|mut record| {
                if record.accounts.is_empty() {
                    record.accounts = self.to.to_vec();
                }
                let source_id = record.source_id();
                if source_id.len() > MAX_ID_BYTES {
                    return Err(format!("its id has more than {MAX_ID_BYTES} bytes"));
                }
                match seen.insert(source_id.clone(), number) {
                    Some(before) if record.id.is_empty() => {
                        Err(format!("it is the same post as in line {before}"))
                    }
                    Some(before) => Err(format!("line {before} has the same id")),
                    None => Ok((source_id, record)),
                }
            });
            match named {
                Ok((source_id, record)) => wanted.push((number, source_id, record, note)),
                Err(why) => outcome.bad.push((number, why)),
            }
        }
        let ids: Vec<_> = wanted.iter().map(|(_, source_id, ..)| source_id.clone()).collect();
        let imported: HashMap<_, _> =
            self.atomic.imported_posts(self.workspace, &ids).await?.into_iter().collect();
        for (number, source_id, record, note) in wanted {
            if imported.contains_key(&source_id) {
                outcome.there_already += 1;
                continue;
            }
            match self.make_one(&source_id, &record).await? {
                Ok(Some(made)) => {
                    outcome.made.push(format!("line {number}: {made}"));
                    outcome.notes.extend(note.map(|note| format!("line {number}: {note}")));
                }
                Ok(None) => outcome.passed_over += 1,
                Err(why) => outcome.bad.push((number, why)),
            }
        }
        outcome.bad.sort_by_key(|(number, _)| *number);
        Ok(outcome)
    }

    /// One post; nothing where none is to be made; a reason where it can't be.
    async fn make_one(
        &self,
        source_id: &str,
        record: &Record,
    ) -> Result<Result<Option<String>, String>, Error> {
        let checked = self.check(record);
        let (draft, accounts) = match checked {
            Ok(Some(checked)) => checked,
            Ok(None) => return Ok(Ok(None)),
            Err(why) => return Ok(Err(why)),
        };
        let post = NewPost {
            workspace_id: self.workspace,
            content: &record.content,
            accounts: &accounts,
            scheduled_at: record.at,
            media: &Media::json(&record.media),
            tags: &record.tags,
            draft,
            next_slot: false,
        };
        let made = self.atomic.attempt(async {
            let id = self.atomic.create_post(&post).await?;
            if self.atomic.note_import(self.workspace, source_id, id).await? {
                Ok(id)
            } else {
                Err(Error::Refused("another import makes it at this moment: try again".into()))
            }
        });
        match made.await {
            Ok(id) => {
                let at = record.at.map_or_else(|| "without a time".to_owned(), |at| local(at, self.zone));
                let kind = if draft { "draft, " } else { "" };
                Ok(Ok(Some(format!("{id}  {kind}{at}  {}", record.accounts.join(" ")))))
            }
            Err(error) if error.is_unavailable() => Err(error),
            Err(error) => Ok(Err(one_line(&error.to_string()))),
        }
    }

    /// Whether it becomes a draft, and its accounts; nothing where it is passed over.
    fn check(&self, record: &Record) -> Result<Option<(bool, Vec<Uuid>)>, String> {
        let draft = match record.wish()? {
            Wish::PassOver => return Ok(None),
            Wish::Draft => true,
            Wish::Schedule => false,
        };
        match record.at {
            None if !draft => return Err("it has no time: fill in scheduled_at, or make it a draft".into()),
            Some(at) if !draft && at < self.now => {
                return Err(format!("its time has passed: {}", local(at, self.zone)));
            }
            _ => {}
        }
        if record.accounts.is_empty() {
            return Err("it names no account: fill in accounts, or give --to".into());
        }
        let accounts = self.directory.accounts(&record.accounts, self.workspace)?;
        Ok(Some((draft, accounts.iter().map(|account| account.account_id).collect())))
    }
}

impl Outcome {
    fn tell(&self, dry_run: bool) -> Result<(), Error> {
        for (number, why) in &self.bad {
            eprintln!("line {number}: {why}");
        }
        if !self.bad.is_empty() {
            let bad = self.bad.len();
            return Err(Error::Refused(format!("{bad} line(s) can't be imported, so nothing was")));
        }
        let mut text = String::new();
        for line in &self.made {
            text += &format!("{line}\n");
        }
        for note in &self.notes {
            text += &format!("note: {note}\n");
        }
        text += &format!(
            "{} post(s) {}",
            self.made.len(),
            if dry_run { "would be imported" } else { "imported" }
        );
        if self.there_already > 0 {
            text += &format!("; {} are there already", self.there_already);
        }
        if self.passed_over > 0 {
            text += &format!(
                "; {} passed over: what is published or given up is not made again",
                self.passed_over
            );
        }
        print(&format!("{text}\n")).map(drop)
    }
}
