//! Accounts, and who follows whom.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::parameters::Parameters;
use super::{Refused, State, id_of};
use crate::sim::ledger::rfc3339;

/// The most characters of a name.
const LONGEST_NAME: usize = 30;

/// One account.
pub(super) struct Account {
    pub(super) id: u64,
    pub(super) name: String,
    since: SystemTime,
}

impl State {
    /// Makes an account whose token is `token`; one that is there gets another token.
    pub(super) fn add_account(&mut self, name: &str, token: &str) -> Result<String, String> {
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.is_empty() || name.len() > LONGEST_NAME || !is_name {
            return Err(format!("{name:?} is not a name: only letters, numbers and underscores"));
        }
        let known = self.account_named(name).map(|account| account.id);
        let id = known.unwrap_or_else(|| self.next_id());
        self.access.adopt(token, id)?;
        self.accounts.entry(id).or_insert_with(|| Account {
            id,
            name: name.to_owned(),
            since: SystemTime::now(),
        });
        Ok(id.to_string())
    }

    pub(super) fn account_named(&self, name: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.name.eq_ignore_ascii_case(name))
    }

    /// Someone who is known here, by name and, where given, server.
    pub(super) fn known(&self, name: &str, server: Option<&str>) -> Option<&Account> {
        let host = self.base.split('/').nth(2);
        self.account_named(name).filter(|_| server.is_none() || server == host)
    }

    pub(super) fn profile(&self, account: &Account) -> String {
        format!("{}/@{}", self.base, account.name)
    }

    pub(super) fn account_json(&self, account: &Account) -> Value {
        let statuses: Vec<_> = self.statuses.values().filter(|status| status.account == account.id).collect();
        let last = statuses.iter().map(|status| rfc3339(status.at)).max();
        let count = |is: &dyn Fn(&(u64, u64)) -> bool| self.follows.iter().filter(|pair| is(pair)).count();
        let picture = |name: &str| format!("{}/{name}/original/missing.png", self.base);
        json!({
            "id": id_of(account.id), "username": account.name, "acct": account.name, "display_name": "",
            "locked": false, "bot": false, "discoverable": null, "indexable": false, "group": false,
            "created_at": format!("{}T00:00:00.000Z", &rfc3339(account.since)[..10]),
            "note": "", "url": self.profile(account), "uri": format!("{}/users/{}", self.base, account.name),
            "avatar": picture("avatars"), "avatar_static": picture("avatars"),
            "header": picture("headers"), "header_static": picture("headers"),
            "followers_count": count(&|(_, followed)| *followed == account.id),
            "following_count": count(&|(follower, _)| *follower == account.id),
            "statuses_count": statuses.len(), "last_status_at": last.map(|at| at[..10].to_owned()),
            "hide_collections": null, "noindex": false, "emojis": [], "roles": [], "fields": [],
        })
    }

    /// The own account, with what only its owner sees.
    pub(super) fn credentials(&self, id: u64) -> Result<Value, Refused> {
        let mut account = self.account_json(self.accounts.get(&id).ok_or_else(Refused::not_found)?);
        account["source"] = json!({
            "privacy": "public", "sensitive": false, "language": null, "note": "", "fields": [],
            "follow_requests_count": 0, "quote_policy": "public",
        });
        account["role"] =
            json!({"id": "-99", "name": "", "permissions": "65536", "color": "", "highlighted": false});
        Ok(account)
    }

    pub(super) fn lookup(&self, given: &Parameters) -> Result<Value, Refused> {
        let acct = given.text("acct").unwrap_or_default();
        let acct = acct.trim_start_matches('@');
        let (name, server) = acct.split_once('@').map_or((acct, None), |(name, server)| (name, Some(server)));
        self.known(name, server).map(|account| self.account_json(account)).ok_or_else(Refused::not_found)
    }

    pub(super) fn follow(&mut self, me: u64, id: u64) -> Result<Value, Refused> {
        if !self.accounts.contains_key(&id) {
            return Err(Refused::not_found());
        }
        if me == id {
            return Err(Refused::not_allowed());
        }
        self.follows.insert((me, id));
        Ok(json!({
            "id": id_of(id), "following": true, "showing_reblogs": true, "notifying": false, "languages": null,
            "followed_by": self.follows.contains(&(id, me)), "blocking": false, "blocked_by": false,
            "muting": false, "muting_notifications": false, "requested": false, "requested_by": false,
            "domain_blocking": false, "endorsed": false, "note": "",
        }))
    }
}
