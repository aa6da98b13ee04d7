//! The journal of refreshes: new tokens, sealed, on this machine's disk before they are in the database.
//!
//! Many platforms take a refresh token once, so what they answer is the only way on. Each answer is a file of its own in the
//! journal's directory until the database has it. Two processes may share the directory: what one replays that the other still
//! stores is stored once, because the database takes each generation once.

mod record;
mod replay;

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::geteuid;
use tracing::warn;
use uuid::Uuid;

use crate::error::Error;
use crate::secrets::keyring::is_open;

pub(crate) use record::Record;

/// The end of the names of its files.
const SUFFIX: &str = ".refresh";
/// A file that can't be read and is younger may still be being written.
const WRITTEN_BY_NOW: Duration = Duration::from_secs(60);

/// The directory.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    /// What this process has written and not yet stored or given up.
    writing: Mutex<HashSet<PathBuf>>,
    /// What it has told of records: once is enough.
    told: Mutex<HashSet<(PathBuf, Told)>>,
}

/// What is told of a record that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Told {
    NotOurs,
    Unreadable,
    Newer,
    Foreign,
    Refused,
    /// It is stored, and stays for another database.
    Settled,
}

/// What was written down of one answer.
#[derive(Debug)]
pub(crate) struct Entry {
    journal: Arc<Journal>,
    path: PathBuf,
}

impl Journal {
    /// The one in this directory. Whether or not it can be written to, what is in it is read.
    pub(crate) fn open(dir: &Path) -> Arc<Self> {
        Arc::new(Self { dir: dir.to_owned(), writing: Mutex::default(), told: Mutex::default() })
    }

    /// Makes the directory if it is not there, and checks that it can be written to.
    pub(crate) fn try_out(&self) -> Result<(), Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        made.map_err(Error::file("make the directory", &self.dir))?;
        let path = self.dir.join(format!("probe-{}", Uuid::from_bytes(random())));
        let tried = self.keep(&path, b"can this be written?\n");
        // where that fails, so did writing it
        let _ = std::fs::remove_file(&path);
        tried
    }

    /// Writes an answer down. When this returns, a crash of the machine does not lose it.
    pub(crate) fn write(self: &Arc<Self>, record: &Record) -> Result<Entry, Error> {
        let name = format!(
            "{}-{}-{:08x}{SUFFIX}",
            record.account_id,
            record.generation,
            u32::from_be_bytes(random())
        );
        let path = self.dir.join(name);
        // noted first: a replay of this process must not take it for one that was left
        self.writing().insert(path.clone());
        let entry = Entry { journal: Arc::clone(self), path };
        match self.keep(&entry.path, &record.to_bytes()) {
            Ok(()) => Ok(entry),
            Err(error) => {
                // half a record is none
                entry.remove();
                Err(error)
            }
        }
    }

    fn keep(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let metadata = std::fs::metadata(&self.dir).map_err(Error::file("read the directory", &self.dir))?;
        if let Some(open) = is_open(&metadata, &self.dir) {
            return Err(Error::Refused(format!("directory {}: {open}", self.dir.display())));
        }
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        let mut file = file.map_err(Error::file("create", path))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::file("write", path))?;
        // the file's name is in the directory, which is written on its own
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(Error::file("write", &self.dir))
    }

    /// What others have left, and this process has given up. Where the directory is not there, nothing is.
    fn left(self: &Arc<Self>) -> Result<Vec<Entry>, Error> {
        let cannot = || Error::file("read the journal", &self.dir);
        let entries = match std::fs::read_dir(&self.dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(cannot())?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry.map_err(cannot())?;
            let path = entry.path();
            if !path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(SUFFIX)) {
                continue;
            }
            // whoever may write to the directory could leave a record; one that is gone by now another process has stored
            match entry.metadata() {
                Ok(metadata) if metadata.uid() == geteuid().as_raw() => paths.push(path),
                Ok(_) if self.is_news(&path, Told::NotOurs) => {
                    warn!(path = %path.display(), "a record of the journal is somebody else's and is not read");
                }
                _ => {}
            }
        }
        let writing = self.writing();
        paths.retain(|path| !writing.contains(path));
        // of an account the older generation first
        paths.sort_by_key(|path| place(path));
        Ok(paths.into_iter().map(|path| Entry { journal: Arc::clone(self), path }).collect())
    }

    /// Whether that was not told yet of a record.
    fn is_news(&self, path: &Path, what: Told) -> bool {
        self.told().insert((path.to_owned(), what))
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashSet<(PathBuf, Told)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The database has it, or something newer.
    pub(crate) fn remove(self) {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                warn!(path = %self.path.display(), %error, "a record of the journal could not be removed");
            }
            _ => {}
        }
        self.leave();
    }

    /// It could not be stored now: the next replay tries.
    pub(crate) fn leave(self) {
        self.journal.writing().remove(&self.path);
    }

    /// It is no whole record: whoever wants to may look at it, and nobody replays it.
    fn set_aside(self) {
        let aside = self.path.with_extension("torn");
        if let Err(error) = std::fs::rename(&self.path, &aside) {
            warn!(path = %self.path.display(), %error, "a record of the journal could not be renamed");
        }
        self.leave();
    }

    fn is_news(&self, what: Told) -> bool {
        self.journal.is_news(&self.path, what)
    }

    fn is_settled(&self) -> bool {
        self.journal.told().contains(&(self.path.clone(), Told::Settled))
    }

    fn read(&self) -> std::io::Result<Vec<u8>> {
        std::fs::read(&self.path)
    }

    /// Whether somebody may still be writing it.
    fn is_young(&self) -> bool {
        let changed = std::fs::metadata(&self.path).and_then(|metadata| metadata.modified());
        changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < WRITTEN_BY_NOW))
    }
}

/// Account and generation, which the name begins with.
fn place(path: &Path) -> (String, i64) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut parts = name.rsplitn(3, '-').skip(1);
    let generation = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    (parts.next().unwrap_or_default().to_owned(), generation)
}

/// For names that nobody else has: without entropy another attempt is made with the next refresh.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // zeros make a name that may be taken; then the file is not created, and that is said
    let _ = getrandom::fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    pub(super) fn record(account: u128, generation: i64) -> Record {
        Record {
            database: "1/2/3".into(),
            workspace_id: Uuid::from_u128(9),
            account_id: Uuid::from_u128(account),
            generation,
            sealed: vec![1, 1, 7, 7],
            expires_at: Some(1_800_000_000),
            refresh_expires_at: None,
        }
    }

    fn tried(dir: &Path) -> Arc<Journal> {
        let journal = Journal::open(dir);
        journal.try_out().unwrap();
        journal
    }

    fn temporary() -> PathBuf {
        std::env::temp_dir().join(format!("crierd-journal-{}", Uuid::new_v4()))
    }

    #[test]
    fn what_is_written_is_there_until_it_is_removed_and_nobody_else_reads_it() {
        let dir = temporary();
        let journal = tried(&dir);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        let entry = journal.write(&record(1, 2)).unwrap();
        assert_eq!(mode(&entry.path), 0o600);
        assert!(journal.left().unwrap().is_empty(), "what is being stored is not left");
        let other = Journal::open(&dir);
        let left = other.left().unwrap();
        assert_eq!(Record::of(&left[0].read().unwrap()).unwrap(), record(1, 2));
        entry.leave();
        assert_eq!(journal.left().unwrap().len(), 1);
        journal.left().unwrap().into_iter().for_each(Entry::remove);
        assert!(other.left().unwrap().is_empty());
        // what somebody else has removed is gone all the same
        left.into_iter().for_each(Entry::remove);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_directory_that_is_open_to_others_is_read_and_not_written_to() {
        let dir = temporary();
        let journal = tried(&dir);
        journal.write(&record(1, 2)).unwrap().leave();
        std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o755)).unwrap();
        for refused in [journal.try_out().unwrap_err(), journal.write(&record(1, 3)).unwrap_err()] {
            assert!(refused.to_string().contains("chmod 0700"), "{refused}");
        }
        assert_eq!(journal.left().unwrap().len(), 1);
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(journal.left().unwrap().is_empty());
    }

    #[test]
    fn what_is_no_directory_can_neither_be_read_nor_written_to() {
        let file = temporary();
        std::fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            let journal = Journal::open(&path);
            assert!(journal.try_out().is_err() && journal.left().is_err(), "{}", path.display());
            assert!(journal.write(&record(1, 2)).is_err());
        }
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn of_an_account_the_older_generation_is_replayed_first() {
        let dir = temporary();
        let journal = tried(&dir);
        for (account, generation) in [(2, 10), (1, 11), (2, 9), (1, 2)] {
            journal.write(&record(account, generation)).unwrap().leave();
        }
        let read = |entry: &Entry| Record::of(&entry.read().unwrap()).unwrap();
        let order: Vec<_> =
            journal.left().unwrap().iter().map(read).map(|r| (r.account_id, r.generation)).collect();
        let expected = [(1, 2), (1, 11), (2, 9), (2, 10)].map(|(account, at)| (Uuid::from_u128(account), at));
        assert_eq!(order, expected);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_record_that_can_not_be_written_leaves_nothing_and_the_next_one_can() {
        let dir = temporary();
        let journal = tried(&dir);
        std::fs::rename(&dir, dir.with_extension("away")).unwrap();
        assert!(journal.write(&record(1, 2)).is_err());
        assert!(journal.writing().is_empty());
        std::fs::rename(dir.with_extension("away"), &dir).unwrap();
        journal.write(&record(1, 2)).unwrap().leave();
        assert_eq!(journal.left().unwrap().len(), 1);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
