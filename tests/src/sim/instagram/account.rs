//! Accounts, how tests want each to be treated, and tokens.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::State;
use crate::sim::graph::{self, Params, Refused, has_passed};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(super) const TOKEN_LIFE: Duration = Duration::from_secs(60 * 24 * 60 * 60);

/// One professional account.
pub(super) struct Account {
    pub(super) id: String,
    pub(super) handle: String,
    /// Its id for one app, which is another one.
    scoped_id: String,
    /// The page it belongs to.
    page_id: String,
    pub(super) settings: Settings,
    /// When something was published, deleted or not: that counts for the quota.
    published: Vec<SystemTime>,
}

impl Account {
    /// How much was published in the last day.
    pub(super) fn quota_usage(&self) -> u64 {
        let recent = |at: &&SystemTime| at.elapsed().unwrap_or_default() < DAY;
        self.published.iter().filter(recent).count() as u64
    }

    pub(super) fn count_publish(&mut self) {
        self.published.push(SystemTime::now());
    }
}

/// What a test can set. Times count from the past: a shorter one takes effect at once.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) login: Login,
    /// How long a container is in progress.
    pub(super) processing_seconds: f64,
    /// How long a container lives.
    pub(super) container_seconds: f64,
    /// How old a token has to be to be renewed.
    pub(super) refresh_after_seconds: f64,
    /// How much may be published in a day.
    pub(super) daily_quota: u64,
    /// What comes of addresses: for images the error that their container isn't made for, for videos the one that it
    /// ends with.
    pub(super) fetch_errors: BTreeMap<String, i64>,
    /// Calls that are refused, and the error. A number is a subcode, or a code without one.
    pub(super) errors: BTreeMap<String, i64>,
    /// Calls that are refused after they have been carried out.
    pub(super) errors_after: BTreeMap<String, i64>,
    /// What the insights say, by metric.
    pub(super) insights: BTreeMap<String, u64>,
}

impl Settings {
    fn changed(&self, changes: &Value) -> Result<Self, String> {
        let mut settings = json!(self);
        let changes = changes.as_object().ok_or("the settings are not an object")?;
        changes.iter().for_each(|(name, value)| settings[name] = value.clone());
        let settings: Self = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        let unknown = [&settings.fetch_errors, &settings.errors, &settings.errors_after]
            .into_iter()
            .flat_map(BTreeMap::values)
            .find(|number| !graph::is_known(**number))
            .copied();
        unknown.map_or(Ok(settings), |unknown| Err(format!("there is no error {unknown}")))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            login: Login::Instagram,
            processing_seconds: 0.0,
            container_seconds: DAY.as_secs_f64(),
            refresh_after_seconds: DAY.as_secs_f64(),
            daily_quota: 50,
            fetch_errors: BTreeMap::new(),
            errors: BTreeMap::new(),
            errors_after: BTreeMap::new(),
            insights: BTreeMap::new(),
        }
    }
}

/// How the account was connected.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Login {
    /// On graph.instagram.com.
    Instagram,
    /// On graph.facebook.com, through the page that the account belongs to.
    Facebook,
}

/// An access token.
pub(super) struct Token {
    account: String,
    issued: SystemTime,
    expires: SystemTime,
    revoked: bool,
    renewed: bool,
}

impl Token {
    pub(super) fn new(account: &str, issued: SystemTime) -> Self {
        Self {
            account: account.to_owned(),
            issued,
            expires: issued + TOKEN_LIFE,
            revoked: false,
            renewed: false,
        }
    }

    fn has_expired(&self) -> bool {
        self.expires < SystemTime::now()
    }
}

impl State {
    pub(super) fn add_account(&mut self, handle: &str, token: &str) -> Result<String, String> {
        let fits = |character: char| character.is_ascii_alphanumeric() || "._".contains(character);
        if handle.is_empty() || handle.len() > 30 || !handle.chars().all(fits) {
            return Err(format!("{handle:?} is not a user name"));
        }
        if self.named(handle).is_some() {
            return Err(format!("Handle already taken: {handle}"));
        }
        if token.is_empty() || self.tokens.contains_key(token) {
            return Err("every account needs a token of its own".to_owned());
        }
        let account = Account {
            id: self.new_id(17_841_400_000_000_000),
            handle: handle.to_owned(),
            scoped_id: self.new_id(26_000_000_000_000_000),
            page_id: self.new_id(101_000_000_000_000),
            settings: Settings::default(),
            published: Vec::new(),
        };
        let id = account.id.clone();
        // whoever pastes a token has had it for a while: it is old enough to be renewed
        self.tokens.insert(token.to_owned(), Token::new(&id, SystemTime::now() - DAY));
        self.accounts.insert(id.clone(), account);
        Ok(id)
    }

    /// The id of the account with this handle.
    pub(super) fn id_named(&self, handle: &str) -> Option<String> {
        self.named(handle).map(|account| account.id.clone())
    }

    fn named(&self, handle: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.handle.eq_ignore_ascii_case(handle))
    }

    /// Changes settings, `{handle: {setting: value}}`, leaves the others as they are, and gives all.
    pub(super) fn set(&mut self, changes: &Value) -> Result<Value, String> {
        for (handle, changes) in changes.as_object().ok_or("the settings of which account?")? {
            // of the server, not of an account
            if handle == "*" {
                self.logins.set(changes)?;
                continue;
            }
            let named = |account: &&mut Account| account.handle == *handle;
            let account = self.accounts.values_mut().find(named).ok_or(format!("no account {handle:?}"))?;
            account.settings = account.settings.changed(changes)?;
        }
        Ok(self.accounts.values().map(|account| (account.handle.clone(), json!(account.settings))).collect())
    }

    pub(super) fn account(&self, id: &str) -> Result<&Account, Refused> {
        self.accounts.get(id).ok_or_else(|| Refused::not_there(id))
    }

    /// The caller's own id, under which `id` may stand in a path: others are none of its business.
    pub(super) fn own(&self, caller: &str, id: &str) -> Result<String, Refused> {
        let is_me = id == "me" && self.account(caller)?.settings.login == Login::Instagram;
        if id == caller || is_me { Ok(caller.to_owned()) } else { Err(Refused::not_there(id)) }
    }

    fn tokens_of(&mut self, handle: &str) -> impl Iterator<Item = &mut Token> {
        let id = self.named(handle).map(|account| account.id.clone());
        self.tokens.values_mut().filter(move |token| Some(&token.account) == id.as_ref())
    }

    pub(super) fn revoke(&mut self, handle: &str) {
        self.tokens_of(handle).for_each(|token| token.revoked = true);
    }

    pub(super) fn expire(&mut self, handle: &str) {
        for token in self.tokens_of(handle) {
            (token.issued, token.expires) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
        }
    }

    /// The account of a token, whether or not that has expired.
    pub(super) fn holder(&self, token: &str) -> Result<String, Refused> {
        match self.tokens.get(token) {
            None => Err(Refused::known(190, "")),
            Some(token) if token.revoked => Err(Refused::known(460, "")),
            Some(token) => Ok(token.account.clone()),
        }
    }

    /// The account that a token stands for.
    pub(super) fn authorize(&self, token: &str) -> Result<String, Refused> {
        let holder = self.holder(token)?;
        let has_expired = self.tokens.get(token).is_some_and(Token::has_expired);
        if has_expired { Err(Refused::known(463, "")) } else { Ok(holder) }
    }

    /// A new token for an old one, which stays good as long as it was. The real server renews none that has expired,
    /// and doesn't mind renewing one again.
    pub(super) fn refresh(&mut self, caller: &str, params: &Params) -> Result<Value, Refused> {
        let settings = &self.account(caller)?.settings;
        let after = settings.refresh_after_seconds;
        if settings.login == Login::Facebook || params.one("grant_type")? != "ig_refresh_token" {
            return Err(Refused::invalid("Unsupported grant type"));
        }
        let token = params.one("access_token")?;
        let old = self.tokens.get_mut(token).ok_or_else(|| Refused::known(190, ""))?;
        if self.strict && old.has_expired() {
            return Err(Refused::known(463, ""));
        }
        if self.strict && old.renewed {
            let own = |token: &&mut Token| token.account == caller;
            self.tokens.values_mut().filter(own).for_each(|token| token.revoked = true);
            return Err(Refused::known(460, ""));
        }
        if !has_passed(old.issued, after) {
            return Err(Refused::invalid("The access token is not old enough to be refreshed"));
        }
        old.renewed = true;
        let random = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
        let new = format!("IGAA{}", URL_SAFE_NO_PAD.encode(random));
        self.tokens.insert(new.clone(), Token::new(caller, SystemTime::now()));
        Ok(json!({"access_token": new, "token_type": "bearer", "expires_in": TOKEN_LIFE.as_secs()}))
    }

    /// `/me`, and the account by its id. What `/me` is, is a matter of the login.
    pub(super) fn me(&self, caller: &str, id: &str, params: &Params) -> Result<Value, Refused> {
        let account = self.account(caller)?;
        params.select(&match (id, account.settings.login) {
            ("me", Login::Facebook) => page(account),
            ("me", Login::Instagram) => json!({
                "id": account.scoped_id, "user_id": account.id, "username": account.handle,
                "account_type": "BUSINESS", "name": null,
            }),
            (id, _) if id == account.id => instagram_account(account),
            (id, _) => return Err(Refused::not_there(id)),
        })
    }

    pub(super) fn pages(&self, caller: &str, params: &Params) -> Result<Value, Refused> {
        let account = self.account(caller)?;
        if account.settings.login == Login::Instagram {
            return Err(Refused::invalid("Tried accessing nonexisting field (accounts)"));
        }
        let mut page = page(account);
        page["access_token"] = json!(params.get("access_token"));
        Ok(json!({"data": [params.select(&page)?]}))
    }
}

pub(super) fn page(account: &Account) -> Value {
    json!({
        "id": account.page_id, "name": account.handle, "access_token": null,
        "instagram_business_account": instagram_account(account),
    })
}

fn instagram_account(account: &Account) -> Value {
    json!({"id": account.id, "username": account.handle, "name": null})
}
