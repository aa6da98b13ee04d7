//! Tokens, and the code flow by which an app comes by them (RFC 6749).

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::serve;
use crate::sim::LoginPages;
use crate::sim::consent::{self, Asked, Bad, Codes, Consent};
use crate::sim::form;

/// How an app says at the token endpoint who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// By HTTP Basic.
    Basic,
    /// By its id and secret in the form.
    Form,
}

/// How tokens live and logins go.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long an access token is good; none: it has no end.
    pub access: Option<Duration>,
    /// Whether there are refresh tokens.
    pub refreshes: bool,
    /// Whether a refresh token is good once and answered with the next.
    pub rotates: bool,
    /// How an app says who it is.
    pub client: Client,
    /// What its id is called.
    pub client_id: &'static str,
    /// Whether PKCE is asked of everybody.
    pub pkce: bool,
    /// The paths of the page and of the token endpoint, where there is such a login.
    pub pages: Option<LoginPages>,
}

impl Rules {
    /// Tokens without an end and no login: bots, and what people paste.
    pub const PASTED: Self = Self {
        access: None,
        refreshes: false,
        rotates: false,
        client: Client::Form,
        client_id: "client_id",
        pkce: false,
        pages: None,
    };
}

/// How long a code is good.
const CODE: Duration = Duration::from_secs(60);

/// The tokens that were issued, and what people say who are asked.
pub struct Login {
    rules: Rules,
    known: HashMap<String, Token>,
    codes: Codes,
    consent: Consent,
    client: Option<(String, String)>,
    strict: bool,
    count: u64,
}

struct Token {
    account: String,
    kind: Kind,
    good: bool,
    ends: Option<SystemTime>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Access,
    Refresh { used: bool },
}

/// What the token endpoint gives.
#[derive(Clone, Debug)]
pub struct Given {
    /// The id of the account.
    pub account: String,
    /// The access token.
    pub access: String,
    /// The refresh token, where there is a new one.
    pub refresh: Option<String>,
    /// How long the access token is good.
    pub expires_in: Option<u64>,
    /// What was granted; nothing after a refresh.
    pub scopes: Option<Vec<String>>,
}

/// Why the token endpoint refuses: `error` and `error_description` of RFC 6749, 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub &'static str, pub &'static str);

impl Refused {
    /// As the standard says. Platforms with another shape write their own.
    pub fn answer(self) -> Response<Bytes> {
        let status =
            if self.0 == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        serve::json(status, &json!({"error": self.0, "error_description": self.1}))
    }
}

impl Given {
    /// As the standard says.
    pub fn answer(&self) -> Response<Bytes> {
        let mut body = json!({"access_token": self.access, "token_type": "bearer"});
        if let Some(seconds) = self.expires_in {
            body["expires_in"] = json!(seconds);
        }
        if let Some(refresh) = &self.refresh {
            body["refresh_token"] = json!(refresh);
        }
        if let Some(scopes) = &self.scopes {
            body["scope"] = json!(scopes.join(" "));
        }
        serve::json(StatusCode::OK, &body)
    }
}

impl Login {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            known: HashMap::new(),
            codes: Codes::default(),
            consent: Consent::default(),
            client: None,
            strict: false,
            count: 0,
        }
    }

    /// Takes tokens of an account as a test gives them: `access`, or `access:refresh` where there are refresh tokens. Coming
    /// again they are good again.
    pub(super) fn adopt(&mut self, account: &str, secret: &str) -> Result<(), String> {
        let pair = secret.split_once(':').filter(|_| self.rules.refreshes);
        let (access, refresh) = pair.map_or((secret, None), |(access, refresh)| (access, Some(refresh)));
        if access.is_empty() || refresh.is_some_and(|refresh| refresh.is_empty() || refresh == access) {
            return Err("the secret must be `access` or `access:refresh`, two different tokens".to_owned());
        }
        let mut tokens = [Some(access), refresh].into_iter().flatten();
        if tokens.any(|token| self.known.get(token).is_some_and(|known| known.account != account)) {
            return Err("another account has this token".to_owned());
        }
        self.add(account, access.to_owned(), Kind::Access);
        if let Some(refresh) = refresh {
            self.add(account, refresh.to_owned(), Kind::Refresh { used: false });
        }
        Ok(())
    }

    fn add(&mut self, account: &str, token: String, kind: Kind) {
        let life = self.rules.access.filter(|_| kind == Kind::Access);
        let ends = life.map(|life| SystemTime::now() + life);
        self.known.insert(token, Token { account: account.to_owned(), kind, good: true, ends });
    }

    fn issue(&mut self, account: &str, kind: Kind) -> String {
        self.count += 1;
        let word = if kind == Kind::Access { "access" } else { "refresh" };
        let token = format!("sim-{word}-{}-{}", self.count, uuid::Uuid::new_v4().simple());
        self.add(account, token.clone(), kind);
        token
    }

    /// A new access token for an account: what else than the code flow gives one.
    pub fn issue_access(&mut self, account: &str) -> String {
        self.issue(account, Kind::Access)
    }

    /// The id of the account that an access token stands for.
    pub fn account(&self, access: &str) -> Option<&str> {
        let found = self.known.get(access).filter(|token| token.kind == Kind::Access && token.good)?;
        found.ends.is_none_or(|ends| ends > SystemTime::now()).then_some(&found.account)
    }

    /// The id of the account that an access token stands for, or stood for until it ended: where a token is renewed with itself.
    pub fn holder(&self, access: &str) -> Option<&str> {
        let found = self.known.get(access).filter(|token| token.kind == Kind::Access && token.good)?;
        Some(&found.account)
    }

    /// Access tokens of an account have expired; refresh tokens stay.
    pub fn expire(&mut self, account: &str) {
        let is_access = |token: &&mut Token| token.account == account && token.kind == Kind::Access;
        let now = Some(SystemTime::UNIX_EPOCH);
        self.known.values_mut().filter(is_access).for_each(|token| token.ends = now);
    }

    /// Ends one token, whatever it is for.
    pub fn revoke(&mut self, token: &str) {
        if let Some(known) = self.known.get_mut(token) {
            known.good = false;
        }
    }

    /// Ends every token of an account.
    pub fn end(&mut self, account: &str) {
        let own = |token: &&mut Token| token.account == account;
        self.known.values_mut().filter(own).for_each(|token| token.good = false);
    }

    pub(super) fn be_strict(&mut self) {
        self.strict = true;
    }

    pub(super) fn issued(&self) -> Vec<String> {
        self.known.keys().cloned().chain(self.codes.issued()).collect()
    }

    /// Changes `consent`, `client_id` or `client_secret`. Whether it was one of these.
    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let text = || value.as_str().map(str::to_owned).ok_or(format!("{name} must be a text"));
        match name {
            "consent" => {
                self.consent = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
            }
            "client_id" => self.client.get_or_insert_default().0 = text()?,
            "client_secret" => self.client.get_or_insert_default().1 = text()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Who is logged in and says yes, for platforms whose page is not that of the code flow.
    pub fn approver(&self) -> Option<&str> {
        self.consent.approve_as.as_deref().filter(|_| !self.consent.deny)
    }

    /// The page on which people are asked. `id_of` knows whose a name is.
    pub fn authorize(
        &mut self,
        request: &Request<Bytes>,
        id_of: impl FnOnce(&str) -> Option<String>,
    ) -> Response<Bytes> {
        let given = form::pairs(request.uri().query().unwrap_or_default());
        let text = |name: &str| {
            given.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let client = text(self.rules.client_id);
        let known = self.client.as_ref().is_none_or(|(id, _)| *id == client);
        let challenge = Some(text("code_challenge")).filter(|challenge| !challenge.is_empty());
        let whole = text("response_type") == "code"
            && !text("redirect_uri").is_empty()
            && !text("state").is_empty()
            && (challenge.is_some() && text("code_challenge_method") == "S256" || !self.rules.pkce);
        if !known || !whole {
            return consent::page(StatusCode::BAD_REQUEST, "This app asks in a way that is not accepted.");
        }
        let scope = text("scope");
        let scopes = scope.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        let (redirect_uri, state) = (text("redirect_uri"), text("state"));
        let asked = Asked { client, redirect_uri, state, scopes, challenge };
        let account = self.consent.approve_as.as_deref().and_then(id_of);
        self.codes.answer(&self.consent, &asked, account.as_deref(), CODE)
    }

    /// The token endpoint, for a code or a refresh token.
    pub fn token(&mut self, request: &Request<Bytes>) -> Result<Given, Refused> {
        let form = std::str::from_utf8(request.body()).map(form::pairs).unwrap_or_default();
        let get = |name: &str| {
            form.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let client = match self.rules.client {
            Client::Basic => basic(request).unwrap_or_default(),
            Client::Form => (get(self.rules.client_id).to_owned(), get("client_secret").to_owned()),
        };
        if self.client.as_ref().is_some_and(|known| *known != client) {
            return Err(Refused("invalid_client", "This app is not known"));
        }
        match get("grant_type") {
            "authorization_code" => {
                let verifier = Some(get("code_verifier")).filter(|verifier| !verifier.is_empty());
                let code = self.codes.take(get("code"), &client.0, get("redirect_uri"), verifier);
                let code = code.map_err(|bad| {
                    if let Bad::Used { account } = bad {
                        self.end(&account);
                    }
                    Refused("invalid_grant", "The code is not good")
                })?;
                Ok(self.give(&code.account, self.rules.refreshes, Some(code.scopes)))
            }
            "refresh_token" if self.rules.refreshes => {
                let account = self
                    .use_up(get("refresh_token"))
                    .ok_or(Refused("invalid_grant", "The refresh token is not good"))?;
                Ok(self.give(&account, self.rules.rotates, None))
            }
            _ => Err(Refused("unsupported_grant_type", "There is no such grant type")),
        }
    }

    fn give(&mut self, account: &str, with_refresh: bool, scopes: Option<Vec<String>>) -> Given {
        Given {
            account: account.to_owned(),
            access: self.issue(account, Kind::Access),
            refresh: with_refresh.then(|| self.issue(account, Kind::Refresh { used: false })),
            expires_in: self.rules.access.map(|life| life.as_secs()),
            scopes,
        }
    }

    fn use_up(&mut self, refresh: &str) -> Option<String> {
        let rotates = self.rules.rotates;
        let found = self.known.get_mut(refresh).filter(|token| token.good)?;
        let account = found.account.clone();
        match found.kind {
            Kind::Access => None,
            Kind::Refresh { used: true } => {
                if self.strict {
                    self.end(&account);
                }
                None
            }
            Kind::Refresh { used: false } => {
                found.kind = Kind::Refresh { used: rotates };
                Some(account)
            }
        }
    }
}

/// The name and the password of HTTP Basic.
pub(in crate::sim) fn basic(request: &Request<Bytes>) -> Option<(String, String)> {
    let encoded = request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROTATING: Rules =
        Rules { access: Some(Duration::from_secs(60)), refreshes: true, rotates: true, ..Rules::PASTED };

    fn renew(login: &mut Login, refresh: &str) -> Result<Given, Refused> {
        let body = format!("grant_type=refresh_token&refresh_token={refresh}");
        login.token(&Request::new(Bytes::from(body)))
    }

    #[test]
    fn a_refresh_token_that_rotates_is_good_once() {
        let mut login = Login::new(ROTATING);
        login.adopt("1", "a:r").expect("tokens");
        assert_eq!(login.account("a"), Some("1"));
        assert_eq!(login.account("r"), None);
        login.expire("1");
        assert_eq!(login.account("a"), None);
        let given = renew(&mut login, "r").expect("new tokens");
        assert_eq!(login.account(&given.access), Some("1"));
        assert!(renew(&mut login, "r").is_err());
        assert_eq!(login.account(&given.access), Some("1"));
        login.be_strict();
        assert!(renew(&mut login, "r").is_err());
        assert_eq!(login.account(&given.access), None, "expected reuse to end what came of it");
    }

    #[test]
    fn a_refresh_token_that_is_kept_is_good_again() {
        let mut login = Login::new(Rules { rotates: false, ..ROTATING });
        login.adopt("1", "a:r").expect("tokens");
        for _ in 0..2 {
            assert_eq!(renew(&mut login, "r").expect("new tokens").refresh, None);
        }
        login.end("1");
        assert!(renew(&mut login, "r").is_err());
    }
}
