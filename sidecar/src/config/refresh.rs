//! `[refresh]`: how tokens are kept fresh.

use std::path::{Path, PathBuf};

use super::Refresh;
use super::reader::Reader;

/// The directory of the journal, in the directory of what has to be kept.
const JOURNAL: &str = "refresh-journal";

pub(super) fn resolve(
    read: &mut Reader<'_>,
    env: &dyn Fn(&str) -> Option<String>,
    key_file: Option<&Path>,
) -> Refresh {
    let every = read.duration("refresh.every", "CRIER_REFRESH_EVERY", 60_000, 1_000..=3_600_000);
    let journal = match read.text("refresh.journal", "CRIER_REFRESH_JOURNAL").as_deref() {
        Some("none") => None,
        Some(dir) => Some(PathBuf::from(dir)),
        None => usual(env("STATE_DIRECTORY"), key_file),
    };
    Refresh { every, journal }
}

/// In the directory that systemd gives (`StateDirectory=`), else beside the key file.
fn usual(state: Option<String>, key_file: Option<&Path>) -> Option<PathBuf> {
    // several are separated by colons
    let state = state.as_deref().and_then(|dirs| dirs.split(':').next()).filter(|dir| !dir.is_empty());
    let dir = state.map(Path::new).or_else(|| key_file?.parent());
    dir.map(|dir| dir.join(JOURNAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_where_state_is_kept_or_beside_the_keys() {
        let at =
            |state: Option<&str>, keys: Option<&str>| usual(state.map(str::to_owned), keys.map(Path::new));
        assert_eq!(at(None, Some("crier.key")), Some("refresh-journal".into()));
        assert_eq!(at(None, Some("/etc/crier/crier.key")), Some("/etc/crier/refresh-journal".into()));
        assert_eq!(at(Some("/var/lib/crier"), Some("/etc/k")), Some("/var/lib/crier/refresh-journal".into()));
        assert_eq!(at(Some("/a:/b"), None), Some("/a/refresh-journal".into()));
        assert_eq!(at(Some(""), None), None);
    }

    #[test]
    fn a_journal_can_be_named_or_done_without() {
        let read = |text: &str| {
            let mut read = Reader::new(text, &|_| None);
            let found = resolve(&mut read, &|_| None, Some(Path::new("k")));
            read.finish().map(|()| found)
        };
        assert_eq!(read("[refresh]\njournal = '/j'").unwrap().journal, Some("/j".into()));
        assert_eq!(read("[refresh]\njournal = 'none'\nevery = '5 min'").unwrap().journal, None);
        assert!(read("[refresh]\nevery = '0 s'").is_err());
        assert!(read("[refresh]\njournal = ''").is_err());
    }
}
