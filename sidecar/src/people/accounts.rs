//! Accounts by what people call them, and the workspace that is meant.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::db::{Db, FoundAccount};
use crate::error::Error;

/// Names in a message.
const MAX_NAMED: usize = 5;

/// The workspace that is named, else the only one.
pub(crate) async fn workspace(db: &Db, named: Option<Uuid>) -> Result<Uuid, Error> {
    match named {
        Some(named) => Ok(named),
        None => db.only_workspace().await?.ok_or_else(|| {
            Error::Refused("there is no workspace, or more than one: name it with --workspace".into())
        }),
    }
}

/// What names mean.
#[derive(Debug, Default)]
pub(crate) struct Directory(BTreeMap<String, Vec<FoundAccount>>);

impl Directory {
    /// Asks for all of these names, in one workspace or in all.
    pub(crate) async fn ask(db: &Db, names: &[String], workspace: Option<Uuid>) -> Result<Self, Error> {
        let wanted: BTreeSet<_> = names.iter().cloned().collect();
        let wanted: Vec<_> = wanted.into_iter().collect();
        let mut found = Vec::new();
        for some in wanted.chunks(1_000) {
            found.extend(db.find_accounts(some, workspace).await?);
        }
        Ok(Self::of(found))
    }

    fn of(found: Vec<FoundAccount>) -> Self {
        let mut directory = Self::default();
        for account in found {
            directory.0.entry(account.name.clone()).or_default().push(account);
        }
        directory
    }

    fn of_name(&self, name: &str) -> &[FoundAccount] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a name means exactly one account.
    pub(crate) fn is_clear(&self, name: &str) -> bool {
        self.of_name(name).len() == 1
    }

    /// The only workspace that has an account for each of the names.
    pub(crate) fn workspace(&self, names: &[String]) -> Result<Uuid, String> {
        let mut common: Option<BTreeSet<Uuid>> = None;
        for name in names {
            let has: BTreeSet<_> = self.of_name(name).iter().map(|account| account.workspace_id).collect();
            if has.is_empty() {
                return Err(unknown(name));
            }
            common = Some(match common {
                None => has,
                Some(before) => before.intersection(&has).copied().collect(),
            });
        }
        let common = common.unwrap_or_default();
        match (common.len(), common.first()) {
            (1, Some(only)) => Ok(*only),
            (0, _) => Err(format!("no workspace has all of {}", names.join(", "))),
            (many, _) => {
                let shown: Vec<_> = common.iter().take(MAX_NAMED).map(Uuid::to_string).collect();
                let rest = if many > MAX_NAMED { ", …" } else { "" };
                let (names, shown) = (names.join(", "), shown.join(", "));
                Err(format!("{many} workspaces have {names}: name one with --workspace ({shown}{rest})"))
            }
        }
    }

    /// The accounts that names mean in a workspace, each once.
    pub(crate) fn accounts(&self, names: &[String], workspace: Uuid) -> Result<Vec<FoundAccount>, String> {
        let mut chosen: Vec<FoundAccount> = Vec::new();
        for name in names {
            let here: Vec<_> =
                self.of_name(name).iter().filter(|account| account.workspace_id == workspace).collect();
            match here.as_slice() {
                [] => return Err(format!("{} in workspace {workspace}", unknown(name))),
                [one] if chosen.iter().any(|known| known.account_id == one.account_id) => {}
                [one] => chosen.push((*one).clone()),
                several => {
                    let each = |account: &&FoundAccount| {
                        format!("{}:{} ({})", account.platform, account.handle, account.account_id)
                    };
                    let each: Vec<_> = several.iter().take(MAX_NAMED).map(each).collect();
                    let (count, each) = (several.len(), each.join(", "));
                    return Err(format!(
                        "{count} accounts are called {name:?}: say platform:handle or the id of one of {each}"
                    ));
                }
            }
        }
        Ok(chosen)
    }
}

fn unknown(name: &str) -> String {
    let shown: String = name.chars().take(80).collect();
    format!("there is no account {shown:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str, workspace: u128, id: u128, platform: &str) -> FoundAccount {
        FoundAccount {
            name: name.into(),
            workspace_id: Uuid::from_u128(workspace),
            account_id: Uuid::from_u128(id),
            platform: platform.into(),
            handle: "alice".into(),
            status: "active".into(),
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_workspace_is_the_one_that_has_all_of_them() {
        let directory = Directory::of(vec![
            account("alice", 1, 11, "bluesky"),
            account("alice", 2, 21, "bluesky"),
            account("bob", 2, 22, "mastodon"),
            account("carol", 3, 31, "x"),
        ]);
        assert_eq!(directory.workspace(&names(&["alice", "bob"])), Ok(Uuid::from_u128(2)));
        assert!(
            directory
                .workspace(&names(&["alice"]))
                .unwrap_err()
                .contains("2 workspaces have alice: name one")
        );
        assert!(directory.workspace(&names(&["carol", "bob"])).unwrap_err().contains("no workspace has all"));
        assert_eq!(directory.workspace(&names(&["dave", "bob"])), Err("there is no account \"dave\"".into()));
    }

    #[test]
    fn a_name_has_to_mean_one_account() {
        let directory = Directory::of(vec![
            account("alice", 1, 11, "bluesky"),
            account("alice", 1, 12, "mastodon"),
            account("bluesky:alice", 1, 11, "bluesky"),
            account("@alice", 1, 11, "bluesky"),
        ]);
        let here = |wanted: &[&str]| {
            let found = directory.accounts(&names(wanted), Uuid::from_u128(1));
            found.map(|found| found.iter().map(|account| account.account_id.as_u128()).collect::<Vec<_>>())
        };
        assert_eq!(here(&["bluesky:alice", "@alice"]), Ok(vec![11]));
        let refusal = here(&["alice"]).unwrap_err();
        assert!(refusal.contains("2 accounts are called \"alice\""), "{refusal}");
        assert!(refusal.contains("mastodon:alice (00000000-0000-0000-0000-00000000000c)"), "{refusal}");
        assert!(here(&["bob"]).unwrap_err().contains("no account \"bob\" in workspace"));
        assert!(directory.is_clear("@alice") && !directory.is_clear("alice") && !directory.is_clear("bob"));
    }
}
