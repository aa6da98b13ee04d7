//! `crierd keys status`: what each key is still needed for, and which one is missing. `crierd doctor` asks the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crier_core::sealed::AnySealed;
use uuid::Uuid;

use crate::config::Config;
use crate::db::{Db, KeyUsage};
use crate::error::Error;
use crate::secrets::{self, DataKey, Keyring, Parts, STORED, Vault};

/// How many values are looked through for one that a key has sealed.
const LOOK_THROUGH: i32 = 200;

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// It is there and opens what it wraps.
    Good,
    /// It is needed and not there.
    Missing,
    /// It does not open what it should; why.
    Wrong(String),
}

/// A key and what it is needed for.
#[derive(Debug)]
struct Key {
    id: u32,
    is_active: bool,
    usage: KeyUsage,
    state: State,
}

/// What there is to say about the keys.
#[derive(Debug)]
pub(crate) struct Assessment {
    keys: Vec<Key>,
    lost: i64,
}

/// Prints a line for each key, and what should be done.
pub(crate) async fn run(config: &Config) -> Result<(), Error> {
    secrets::forbid_core_dumps();
    let db = Db::new(&config.database)?;
    let keys = config.keys.load().await?;
    let assessment = assess(&db, &keys).await?;
    print!("{}", assessment.lines());
    match assessment.problem() {
        Some((problem, remedy)) => Err(Error::Refused(format!("{problem}; remedy: {remedy}"))),
        None => Ok(()),
    }
}

/// Asks the database what is needed, and tries each key on one thing it wraps.
pub(crate) async fn assess(db: &Db, keyring: &Keyring) -> Result<Assessment, Error> {
    let mut usage: BTreeMap<u32, KeyUsage> = keyring.ids().map(|id| (id, KeyUsage::default())).collect();
    let mut lost = 0;
    for row in db.key_usage().await? {
        lost += row.lost_values;
        if let Some(id) = row.key_id {
            usage.insert(id, row);
        }
    }
    let mut keys = Vec::with_capacity(usage.len());
    for (id, usage) in usage {
        let state =
            if keyring.key(id).is_err() { State::Missing } else { tried(db, keyring, id, &usage).await? };
        keys.push(Key { id, is_active: id == keyring.active(), usage, state });
    }
    Ok(Assessment { keys, lost })
}

/// Whether a key opens what it should: a key file of another installation has a key 1 too.
async fn tried(db: &Db, keyring: &Keyring, id: u32, usage: &KeyUsage) -> Result<State, Error> {
    if usage.active_keys + usage.retired_keys > 0 {
        for key in db.list_data_keys(id, None, 1).await? {
            if let Err(error) = DataKey::unwrap(keyring, key.id, key.workspace_id, &key.wrapped) {
                return Ok(State::Wrong(error.to_string()));
            }
        }
    }
    if usage.direct_values > 0 {
        for column in STORED {
            for value in db.list_sealed(column.name, None, LOOK_THROUGH).await? {
                let Some(sealed) = value.sealed else { continue };
                let Ok(AnySealed::Direct(direct)) = AnySealed::parse(&sealed) else { continue };
                if direct.key_id != id {
                    continue;
                }
                let (workspace_id, row_id, generation) = (value.workspace_id, value.row_id, value.generation);
                let place = Parts { workspace_id, column, row_id, generation };
                return Ok(match Vault::open_direct(keyring, &place, direct) {
                    Ok(_) => State::Good,
                    Err(error) => State::Wrong(error.to_string()),
                });
            }
        }
    }
    Ok(State::Good)
}

impl Assessment {
    /// What has to be mended, and how; the first of all.
    pub(crate) fn problem(&self) -> Option<(String, String)> {
        let ids = |keys: Vec<&Key>| keys.iter().map(|key| key.id.to_string()).collect::<Vec<_>>().join(", ");
        let missing: Vec<_> = self.keys.iter().filter(|key| key.state == State::Missing).collect();
        if !missing.is_empty() {
            let ids = ids(missing);
            let remedy =
                format!("put the lines of {ids} into the key file, above the last one, from its backup");
            return Some((format!("key(s) {ids} are missing, which are needed"), remedy));
        }
        if let Some((key, why)) = self.keys.iter().find_map(|key| match &key.state {
            State::Wrong(why) => Some((key.id, why)),
            State::Good | State::Missing => None,
        }) {
            let problem = format!("key {key} is not the one this database was sealed with: {why}");
            return Some((problem, "use the key file of this installation".into()));
        }
        (self.lost > 0).then(|| {
            let problem =
                format!("{} value(s) are sealed with data keys that are not in the database", self.lost);
            (
                problem,
                "restore crier.data_key from the backup the values are of, or connect the accounts again"
                    .into(),
            )
        })
    }

    /// What `crierd keys rotate` has to do, if anything.
    pub(crate) fn pending(&self) -> Option<String> {
        let older = self.keys.iter().filter(|key| !key.is_active);
        let wrapped: i64 = older.map(|key| key.usage.active_keys + key.usage.retired_keys).sum();
        let direct: i64 = self.keys.iter().map(|key| key.usage.direct_values).sum();
        let retired: i64 = self.keys.iter().map(|key| key.usage.retired_values).sum();
        let parts = [
            (wrapped, "data key(s) wrapped by an older key"),
            (direct, "value(s) in the format of older versions"),
            (retired, "value(s) under retired data keys"),
        ];
        let parts: Vec<_> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    fn lines(&self) -> String {
        let mut lines = String::new();
        for key in &self.keys {
            // Writing to a text does not fail.
            let _ = writeln!(lines, "{}", key.line());
        }
        if self.lost > 0 {
            let _ = writeln!(lines, "LOST: {} value(s) whose data key is not in the database", self.lost);
        }
        match self.pending() {
            Some(pending) => {
                let _ = writeln!(lines, "{pending}: `crierd keys rotate` sees to it");
            }
            None => {
                let _ = writeln!(lines, "everything is sealed with the newest keys");
            }
        }
        lines
    }
}

impl Key {
    fn line(&self) -> String {
        let usage = &self.usage;
        let count = |n: i64, what: &str| (n > 0).then(|| format!("{n} {what}"));
        let needs: Vec<_> = [
            count(usage.active_keys, "active data key(s)"),
            count(usage.retired_keys, "retired data key(s)"),
            count(usage.direct_values, "value(s) in the format of older versions"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let needs = if needs.is_empty() { "nothing".to_owned() } else { needs.join(", ") };
        let word = match (&self.state, self.is_active) {
            (State::Missing, _) => "MISSING",
            (State::Wrong(_), _) => "WRONG",
            (State::Good, true) => "active",
            (State::Good, false) => "older",
        };
        let may_go = if !self.is_active && needs == "nothing" {
            "; it may go from the key file, but keep it as long as a backup of that time"
        } else {
            ""
        };
        format!("key {:<5} {word:<8} opens {needs}{may_go}", self.id)
    }
}

/// The workspace, or the installation.
pub(super) fn whose(workspace_id: Option<Uuid>) -> String {
    workspace_id.map_or_else(|| "the installation".to_owned(), |id| format!("workspace {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u32, is_active: bool, usage: KeyUsage, state: State) -> Key {
        Key { id, is_active, usage, state }
    }

    #[test]
    fn a_key_that_wraps_nothing_may_go_and_a_missing_one_is_a_problem() {
        let wraps =
            |active_keys, direct_values| KeyUsage { active_keys, direct_values, ..KeyUsage::default() };
        let good = Assessment {
            keys: vec![key(1, false, wraps(0, 0), State::Good), key(2, true, wraps(3, 0), State::Good)],
            lost: 0,
        };
        assert_eq!((good.problem(), good.pending()), (None, None));
        assert!(good.lines().contains("key 1     older    opens nothing; it may go"), "{}", good.lines());
        assert!(good.lines().contains("key 2     active   opens 3 active data key(s)\n"), "{}", good.lines());
        let pending = Assessment {
            keys: vec![key(1, false, wraps(5, 7), State::Good), key(2, true, wraps(3, 0), State::Good)],
            lost: 0,
        };
        let text = pending.pending().unwrap_or_default();
        assert!(text.contains("5 data key(s)") && text.contains("7 value(s)"), "{text}");
        let missing = Assessment { keys: vec![key(9, false, wraps(1, 0), State::Missing)], lost: 0 };
        let (problem, remedy) = missing.problem().unwrap_or_default();
        assert!(problem.contains("key(s) 9 are missing") && remedy.contains("backup"), "{problem}: {remedy}");
        let lost = Assessment { keys: vec![], lost: 2 };
        assert!(lost.problem().is_some_and(|(problem, _)| problem.starts_with("2 value(s)")));
    }
}
