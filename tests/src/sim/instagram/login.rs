//! How people give an app access, by both logins: Instagram's own gives a token of one account, short and then long;
//! Facebook's a token of a person, who has pages, each with a token of its own.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::State;
use super::account::{Login, TOKEN_LIFE, Token, page};
use crate::sim::consent::{self, Asked, Bad, Codes, Consent};
use crate::sim::form;
use crate::sim::graph::{Params, Refused};

/// How long a code is good.
const CODE_LIFE: Duration = Duration::from_secs(60 * 60);

/// What a test can set, under the handle `*`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    consent: Consent,
    /// The app; without one, any is taken.
    client_id: Option<String>,
    client_secret: Option<String>,
    /// How many pages a list has.
    page_size: Option<usize>,
}

/// What was given out in logins.
#[derive(Default)]
pub(super) struct Logins {
    settings: Settings,
    codes: Codes,
    /// Short tokens of Instagram's own login, and whose they are.
    short: HashMap<String, String>,
    /// Tokens of people on Facebook, and what they have granted. They see the pages of all accounts that came by Facebook.
    people: HashMap<String, Vec<String>>,
}

impl Logins {
    pub(super) fn set(&mut self, changes: &Value) -> Result<(), String> {
        let mut settings = json!(self.settings);
        for (name, value) in changes.as_object().ok_or("the settings are not an object")? {
            settings[name] = value.clone();
        }
        self.settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        Ok(())
    }

    pub(super) fn issued(&self) -> Vec<String> {
        self.short.keys().chain(self.people.keys()).cloned().chain(self.codes.issued()).collect()
    }

    fn check_app(&self, params: &Params) -> Result<(), Refused> {
        let fits = |known: &Option<String>, name: &str| {
            known.as_ref().is_none_or(|known| params.get(name) == Some(known))
        };
        if fits(&self.settings.client_id, "client_id") && fits(&self.settings.client_secret, "client_secret")
        {
            return Ok(());
        }
        // what Meta says of a wrong secret
        Err(Refused::invalid("Error validating client secret."))
    }
}

impl State {
    /// The page on which people are asked.
    pub(super) fn authorize_app(&mut self, request: &Request<Bytes>, facebook: bool) -> Response<Bytes> {
        let pairs = form::pairs(request.uri().query().unwrap_or_default());
        let text = |name: &str| {
            let found = pairs.iter().find(|(given, _)| given == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let logins = &self.logins;
        let known = logins.settings.client_id.as_ref().is_none_or(|known| *known == text("client_id"));
        if !known || text("response_type") != "code" || text("redirect_uri").is_empty() {
            return consent::page(StatusCode::BAD_REQUEST, "Invalid platform app");
        }
        let asked = Asked {
            client: text("client_id"),
            redirect_uri: text("redirect_uri"),
            state: text("state"),
            scopes: text("scope").split([',', ' ']).map(str::to_owned).collect(),
            challenge: None,
        };
        let consent = logins.settings.consent.clone();
        let account = match facebook {
            // anybody: what a person sees there are pages
            true => consent.approve_as.clone(),
            false => consent.approve_as.as_deref().and_then(|handle| self.id_named(handle)),
        };
        self.logins.codes.answer(&consent, &asked, account.as_deref(), CODE_LIFE)
    }

    /// Answers the calls of a login, which come without a token of an account; nothing where it is another call.
    pub(super) fn log_in(
        &mut self,
        call: &str,
        token: Option<&str>,
        params: &Params,
    ) -> Option<Result<Value, Refused>> {
        let person = token.and_then(|token| self.logins.people.get(token)).cloned();
        match (call, person) {
            ("oauth.token", _) => Some(self.first_token(params)),
            ("oauth.exchange", _) => Some(self.long_token(params)),
            ("me.permissions", Some(granted)) => {
                let one = |permission: &String| json!({"permission": permission, "status": "granted"});
                Some(Ok(json!({"data": granted.iter().map(one).collect::<Vec<_>>()})))
            }
            ("me.accounts", Some(_)) => Some(self.pages_of_person(params)),
            _ => None,
        }
    }

    fn first_token(&mut self, params: &Params) -> Result<Value, Refused> {
        self.logins.check_app(params)?;
        if params.get("grant_type") == Some("fb_exchange_token") {
            let old = params.one("fb_exchange_token")?;
            let granted = self.logins.people.get(old).cloned().ok_or_else(|| Refused::known(190, ""))?;
            let token = random("EAAL");
            self.logins.people.insert(token.clone(), granted);
            return Ok(json!({"access_token": token, "token_type": "bearer", "expires_in": 5_183_944}));
        }
        let own = params.get("grant_type") == Some("authorization_code");
        let code = self.logins.codes.take(
            params.one("code")?,
            params.one("client_id")?,
            params.one("redirect_uri")?,
            None,
        );
        let code = code.map_err(|bad| {
            if let Bad::Used { account } = bad {
                self.logins.short.retain(|_, owner| *owner != account);
            }
            Refused::invalid("This authorization code has been used.")
        })?;
        if own {
            let token = random("IGQS");
            self.logins.short.insert(token.clone(), code.account.clone());
            let user: u64 = code.account.parse().unwrap_or_default();
            return Ok(json!({"access_token": token, "user_id": user, "permissions": code.scopes}));
        }
        let token = random("EAAS");
        self.logins.people.insert(token.clone(), code.scopes);
        Ok(json!({"access_token": token, "token_type": "bearer", "expires_in": 5_300}))
    }

    fn long_token(&mut self, params: &Params) -> Result<Value, Refused> {
        if params.one("grant_type")? != "ig_exchange_token" {
            return Err(Refused::invalid("Unsupported grant type"));
        }
        let secret = params.one("client_secret")?;
        if self.logins.settings.client_secret.as_deref().is_some_and(|known| known != secret) {
            return Err(Refused::invalid("Error validating client secret."));
        }
        let short = params.one("access_token")?;
        let account = self.logins.short.get(short).cloned().ok_or_else(|| Refused::known(190, ""))?;
        let token = random("IGAA");
        self.tokens.insert(token.clone(), Token::new(&account, SystemTime::now()));
        Ok(json!({"access_token": token, "token_type": "bearer", "expires_in": TOKEN_LIFE.as_secs()}))
    }

    /// The pages of a person, in lists with a cursor.
    fn pages_of_person(&mut self, params: &Params) -> Result<Value, Refused> {
        let size = self.logins.settings.page_size.unwrap_or(100).max(1);
        let after: usize = params.get("after").and_then(|after| after.parse().ok()).unwrap_or_default();
        let of_facebook = |account: &&super::Account| account.settings.login == Login::Facebook;
        let all: Vec<_> =
            self.accounts.values().filter(of_facebook).map(|a| (a.id.clone(), page(a))).collect();
        let mut list = Vec::new();
        for (id, mut page) in all.iter().skip(after).take(size).cloned() {
            let token = random("EAAP");
            self.tokens.insert(token.clone(), Token::new(&id, SystemTime::now()));
            page["access_token"] = json!(token);
            list.push(params.select(&page)?);
        }
        let end = after + list.len();
        let mut answer = json!({"data": list, "paging": {"cursors": {"before": after.to_string(), "after": end.to_string()}}});
        if end < all.len() {
            answer["paging"]["next"] =
                json!(format!("https://graph.facebook.com/next?access_token=…&after={end}"));
        }
        Ok(answer)
    }
}

fn random(prefix: &str) -> String {
    let bytes = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}
