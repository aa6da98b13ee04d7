//! What a platform has granted: accounts that are stored at once, or offered to choose from.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tracing::info;
use url::Url;
use uuid::Uuid;

use super::addresses::without_ours;
use super::once::Secret;
use super::sealed::{open_choice, open_granted, seal_choice, seal_granted};
use super::{Connector, Outcome, Reason};
use crate::db::{Login, Step, patiently};
use crate::providers::{App, Granted};
use crate::secrets::{Place, Plain, Session};

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

/// An account as it waits to be chosen, or for the application's word.
#[derive(Serialize)]
struct Written<'a> {
    external_id: &'a str,
    handle: &'a str,
    base_url: &'a str,
    session: Plain<'a>,
    missing: &'a [String],
}

#[derive(Deserialize)]
struct Waiting {
    external_id: String,
    handle: String,
    base_url: String,
    session: Session,
    missing: Vec<String>,
}

impl Connector {
    /// Has the application confirm what was granted, or offers it.
    pub(super) async fn granted(
        &self,
        login: &Login,
        back: &Url,
        granted: Vec<Granted>,
        app: Option<&App>,
    ) -> Result<Outcome, Reason> {
        let is_meant = |account: &Granted| login.again.as_ref().is_none_or(|id| account.external_id == *id);
        let (meant, others): (Vec<_>, Vec<_>) = granted.into_iter().partition(is_meant);
        match meant.len() {
            0 if others.is_empty() => Err(Reason::NoAccount),
            0 => {
                self.give_back(login, &others, app).await;
                Err(Reason::OtherAccount)
            }
            1 => match self.ask(login, back, &meant).await {
                Ok(outcome) => Ok(outcome),
                Err(reason) => {
                    self.give_back(login, &meant, app).await;
                    Err(reason)
                }
            },
            _ => self.offer(login, back, meant).await,
        }
    }

    /// Takes back what nobody will use.
    async fn give_back(&self, login: &Login, granted: &[Granted], app: Option<&App>) {
        let Ok(connect) = self.part(&login.platform) else { return };
        let server = login.server.as_deref().unwrap_or_default();
        for account in granted {
            connect.revoke(server, app, &account.session, self.settings.reach).await;
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

    /// Goes on with those that were chosen, by their ids on the platform; what was not offered is not there.
    pub(super) async fn chosen(
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
        self.ask(login, back, &granted).await
    }

    /// Asks the application whether whoever comes back is who began. Anybody can be sent a link; only the application knows whose
    /// browser it is.
    async fn ask(&self, login: &Login, back: &Url, granted: &[Granted]) -> Result<Outcome, Reason> {
        let written: Vec<_> = granted.iter().map(Written::of).collect();
        let sealed = seal_granted(&self.vault, login, &written).await?;
        let secret = Secret::new()?;
        let server = login.server.as_deref().unwrap_or_default();
        let hash = secret.hash();
        let keep = || self.db.keep_oauth_state(login, Step::Granted, &hash, &sealed, None, server);
        if !patiently(PATIENCE, keep).await? {
            return Err(Reason::Expired);
        }
        info!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id,
              accounts = granted.len(), "a login waits for the application's word");
        Ok(Outcome::Back(to_confirm(back, &secret)))
    }

    /// Stores what the application has confirmed.
    pub(super) async fn confirmed(&self, login: &Login, back: &Url) -> Result<Outcome, Reason> {
        let waiting: Vec<Waiting> = open_granted(&self.vault, login).await?;
        let granted: Vec<_> = waiting.into_iter().map(Waiting::into_granted).collect();
        let stored = match login.allowed {
            true => self.store(login, back, &granted).await,
            false => Err(Reason::NotAllowed),
        };
        if stored.is_err() {
            let app = self.app_of(login).await;
            self.give_back(login, &granted, app.as_ref()).await;
        }
        stored
    }

    async fn store(&self, login: &Login, back: &Url, granted: &[Granted]) -> Result<Outcome, Reason> {
        let (mut ids, mut failed) = (Vec::new(), None);
        let mut missing: Vec<&str> = Vec::new();
        for account in granted {
            match self.store_one(login, account).await {
                Ok(id) => ids.push(id),
                Err(reason) => {
                    failed = Some(reason);
                    break;
                }
            }
            missing.extend(account.missing.iter().map(String::as_str));
        }
        if let (Some(reason), true) = (failed, ids.is_empty()) {
            return Err(reason);
        }
        self.forget(login).await;
        missing.sort_unstable();
        missing.dedup();
        info!(platform = login.platform, workspace_id = %login.workspace_id, login = %login.id, accounts = ids.len(),
              of = granted.len(), missing = missing.len(), reason = failed.map(Reason::code), "accounts were connected");
        Ok(Outcome::Back(connected(back, &ids, &missing, failed)))
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
            session: granted.session.plain(&granted.base_url),
            missing: &granted.missing,
        }
    }
}

impl Waiting {
    fn into_granted(self) -> Granted {
        let Self { external_id, handle, base_url, session, missing } = self;
        Granted { external_id, handle, base_url, session, missing }
    }
}

/// Where the person goes for the application to confirm the login.
fn to_confirm(back: &Url, secret: &Secret) -> Url {
    let mut url = without_ours(back);
    url.query_pairs_mut().append_pair("crier_confirm", secret.text.expose_secret());
    url
}

/// Where the person goes with what was connected, and with why that is not all.
fn connected(back: &Url, ids: &[Uuid], missing: &[&str], failed: Option<Reason>) -> Url {
    let mut url = without_ours(back);
    let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
    url.query_pairs_mut().append_pair("crier_account_ids", &ids.join(","));
    if !missing.is_empty() {
        url.query_pairs_mut().append_pair("crier_missing", &missing.join(" "));
    }
    if let Some(reason) = failed {
        url.query_pairs_mut().append_pair("crier_error", reason.code());
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_back_is_ours_alone() {
        let back = Url::parse("https://app.example/a?x=1&crier_account_ids=forged&crier_error=y").unwrap();
        let url = connected(&back, &[Uuid::nil(), Uuid::nil()], &["a:b", "c"], None);
        let nil = Uuid::nil();
        let expected =
            format!("https://app.example/a?x=1&crier_account_ids={nil}%2C{nil}&crier_missing=a%3Ab+c");
        assert_eq!(url.as_str(), expected);
        let plain = Url::parse("https://app.example/").unwrap();
        assert_eq!(
            connected(&plain, &[nil], &[], Some(Reason::Database)).as_str(),
            format!("https://app.example/?crier_account_ids={nil}&crier_error=unavailable")
        );
        let secret = Secret::new().unwrap();
        assert_eq!(
            to_confirm(&Url::parse("https://app.example/?crier_confirm=forged").unwrap(), &secret).as_str(),
            format!("https://app.example/?crier_confirm={}", secret.text.expose_secret())
        );
    }
}
