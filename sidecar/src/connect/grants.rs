//! What a platform has granted: accounts that are stored at once, or offered to choose from.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tracing::info;
use url::Url;
use uuid::Uuid;

use super::addresses::without_ours;
use super::once::Secret;
use super::sealed::{open_choice, seal_choice};
use super::{Connector, Outcome, Reason};
use crate::db::{Login, Step, patiently};
use crate::providers::Granted;
use crate::secrets::{Place, Session};

/// How long the database may be away while tokens wait to be stored: a person waits too.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most accounts that are offered: with their tokens they have to fit into one sealed value.
const MAX_OFFERED: usize = 100;
/// How often a credential is sealed anew because somebody else was faster: each time somebody has stored one.
const TRIES: usize = 20;

/// Accounts to choose from.
#[derive(Debug)]
pub(crate) struct Offered {
    /// What the choice is made with, once.
    pub(crate) choice: SecretString,
    pub(crate) platform: String,
    /// Ids on the platform, and names.
    pub(crate) accounts: Vec<(String, String)>,
    /// Where the person goes afterwards.
    pub(crate) back: Url,
}

/// An account as it waits to be chosen. Sessions that are bound to more than their tokens don't get here: platforms that have
/// such grant one account.
#[derive(Serialize)]
struct Written<'a> {
    external_id: &'a str,
    handle: &'a str,
    base_url: &'a str,
    access: &'a str,
    refresh: &'a str,
    expires_at: Option<u64>,
    missing: &'a [String],
}

#[derive(Deserialize)]
struct Waiting {
    external_id: String,
    handle: String,
    base_url: String,
    access: SecretString,
    refresh: SecretString,
    expires_at: Option<u64>,
    missing: Vec<String>,
}

impl Connector {
    /// Stores what was granted, or offers it.
    pub(super) async fn granted(
        &self,
        login: &Login,
        back: &Url,
        mut granted: Vec<Granted>,
    ) -> Result<Outcome, Reason> {
        if let Some((external_id, _)) = &login.again {
            granted.retain(|account| account.external_id == *external_id);
            if granted.is_empty() {
                return Err(Reason::OtherAccount);
            }
        }
        match granted.len() {
            0 => Err(Reason::NoAccount),
            1 => self.store(login, back, &granted).await,
            _ => self.offer(login, back, granted).await,
        }
    }

    async fn offer(&self, login: &Login, back: &Url, mut granted: Vec<Granted>) -> Result<Outcome, Reason> {
        granted.truncate(MAX_OFFERED);
        let written: Vec<_> = granted.iter().map(Written::of).collect();
        let sealed = seal_choice(&self.vault, login, &written).await?;
        let choice = Secret::new()?;
        let server = login.server.as_deref().unwrap_or_default();
        let hash = choice.hash();
        let keep = || self.db.keep_oauth_state(login, Step::Choice, &hash, &sealed, None, server);
        if !patiently(PATIENCE, keep).await? {
            return Err(Reason::Expired);
        }
        info!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id,
              accounts = granted.len(), "a login offers accounts to choose from");
        Ok(Outcome::Choose(Offered {
            choice: choice.text,
            platform: login.platform.clone(),
            accounts: granted.into_iter().map(|account| (account.external_id, account.handle)).collect(),
            back: back.clone(),
        }))
    }

    /// Stores those that were chosen, by their ids on the platform; what was not offered is not there.
    pub(super) async fn connect_chosen(
        &self,
        login: &Login,
        back: &Url,
        chosen: &[String],
    ) -> Result<Outcome, Reason> {
        if !login.allowed {
            return Err(Reason::NotAllowed);
        }
        let waiting: Vec<Waiting> = open_choice(&self.vault, login).await?;
        let is_chosen = |account: &Waiting| chosen.contains(&account.external_id);
        let granted: Vec<_> = waiting.into_iter().filter(is_chosen).map(Waiting::into_granted).collect();
        if granted.is_empty() {
            return Err(Reason::NothingChosen);
        }
        self.store(login, back, &granted).await
    }

    async fn store(&self, login: &Login, back: &Url, granted: &[Granted]) -> Result<Outcome, Reason> {
        let mut ids = Vec::new();
        let mut missing: Vec<&str> = Vec::new();
        for account in granted {
            ids.push(self.store_one(login, account).await?);
            missing.extend(account.missing.iter().map(String::as_str));
        }
        self.forget(login).await;
        missing.sort_unstable();
        missing.dedup();
        info!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id,
              accounts = ids.len(), missing = missing.len(), "accounts were connected");
        Ok(Outcome::Connected(connected(back, &ids, &missing)))
    }

    async fn store_one(&self, login: &Login, granted: &Granted) -> Result<Uuid, Reason> {
        let provider = self.providers.get(&login.platform).ok_or(Reason::Unsupported)?;
        let lifetime = provider.lifetime(&granted.session);
        for _ in 0..TRIES {
            let connect = || {
                self.db.connect_account(
                    login.workspace_id,
                    &login.platform,
                    &granted.external_id,
                    &granted.handle,
                    &granted.base_url,
                )
            };
            let (account_id, generation) = patiently(PATIENCE, connect).await?;
            let place = Place::Credential { workspace_id: login.workspace_id, account_id, generation };
            let sealed = granted.session.seal(&self.vault, place, &granted.base_url).await?;
            let store = || {
                self.db.store_credential(
                    account_id,
                    generation,
                    &sealed,
                    lifetime.expires_at,
                    lifetime.refresh_expires_at,
                    login.user_id,
                )
            };
            if patiently(PATIENCE, store).await? {
                return Ok(account_id);
            }
            // A refresh of the old grant, or another login, was faster: what was granted last counts.
        }
        Err(Reason::Database)
    }
}

impl<'a> Written<'a> {
    fn of(granted: &'a Granted) -> Self {
        Self {
            external_id: &granted.external_id,
            handle: &granted.handle,
            base_url: &granted.base_url,
            access: granted.session.access.expose_secret(),
            refresh: granted.session.refresh.expose_secret(),
            expires_at: granted.session.expires_at,
            missing: &granted.missing,
        }
    }
}

impl Waiting {
    fn into_granted(self) -> Granted {
        let session = Session { expires_at: self.expires_at, ..Session::new(self.access, self.refresh) };
        let Self { external_id, handle, base_url, missing, .. } = self;
        Granted { external_id, handle, base_url, session, missing }
    }
}

/// Where the person goes with what was connected.
fn connected(back: &Url, ids: &[Uuid], missing: &[&str]) -> Url {
    let mut url = without_ours(back);
    let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
    url.query_pairs_mut().append_pair("crier_account_ids", &ids.join(","));
    if !missing.is_empty() {
        url.query_pairs_mut().append_pair("crier_missing", &missing.join(" "));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_back_is_ours_alone() {
        let back = Url::parse("https://app.example/a?x=1&crier_account_ids=forged&crier_error=y").unwrap();
        let url = connected(&back, &[Uuid::nil(), Uuid::nil()], &["a:b", "c"]);
        let nil = Uuid::nil();
        let expected =
            format!("https://app.example/a?x=1&crier_account_ids={nil}%2C{nil}&crier_missing=a%3Ab+c");
        assert_eq!(url.as_str(), expected);
        let plain = Url::parse("https://app.example/").unwrap();
        assert_eq!(
            connected(&plain, &[nil], &[]).as_str(),
            format!("https://app.example/?crier_account_ids={nil}")
        );
    }
}
