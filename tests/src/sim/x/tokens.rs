//! OAuth 2: access tokens of two hours, and refresh tokens that are good once.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::problem::Refused;
use super::{State, unix};
use crate::sim::consent::{self, Asked, Bad, Codes};
use crate::sim::form;

const ACCESS_TIME: Duration = Duration::from_secs(2 * 60 * 60);
const REFRESH_TIME: Duration = Duration::from_secs(180 * 24 * 60 * 60);
/// Long enough for a program, too short for a person.
const CODE_TIME: Duration = Duration::from_secs(30);
const SCOPE: &str = "tweet.read tweet.write users.read media.write offline.access";

/// The tokens that were issued.
#[derive(Default)]
pub(super) struct Tokens {
    known: HashMap<String, Token>,
    codes: Codes,
    /// Whether a refresh token that comes a second time ends the account's tokens.
    strict: bool,
}

struct Token {
    /// The account's id.
    account: String,
    kind: Kind,
    ends: SystemTime,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Access,
    Refresh { used: bool },
}

impl Tokens {
    pub(super) fn issued(&self) -> Vec<String> {
        self.known.keys().cloned().chain(self.codes.issued()).collect()
    }

    pub(super) fn be_strict(&mut self) {
        self.strict = true;
    }

    /// Takes the first tokens of an account as they are given: `access` or `access:refresh`.
    pub(super) fn adopt(&mut self, account: &str, secret: &str) -> Result<(), String> {
        let (access, refresh) = match secret.split_once(':') {
            Some((access, refresh)) => (access, Some(refresh)),
            None => (secret, None),
        };
        if access.is_empty() || refresh == Some("") || refresh == Some(access) {
            return Err("the secret must be `access` or `access:refresh`, two different tokens".to_owned());
        }
        if [Some(access), refresh].into_iter().flatten().any(|token| self.known.contains_key(token)) {
            return Err("another account has this token".to_owned());
        }
        self.add(account, access.to_owned(), Kind::Access);
        if let Some(refresh) = refresh {
            self.add(account, refresh.to_owned(), Kind::Refresh { used: false });
        }
        Ok(())
    }

    fn add(&mut self, account: &str, token: String, kind: Kind) {
        let life = if kind == Kind::Access { ACCESS_TIME } else { REFRESH_TIME };
        let token_of = Token { account: account.to_owned(), kind, ends: SystemTime::now() + life };
        self.known.insert(token, token_of);
    }

    fn issue(&mut self, account: &str, kind: Kind) -> String {
        let letters = if kind == Kind::Access { "at" } else { "rt" };
        let now = unix(SystemTime::now());
        let token = URL_SAFE_NO_PAD.encode(format!("{}:{now}:1:0:{letters}:1", uuid::Uuid::new_v4()));
        self.add(account, token.clone(), kind);
        token
    }

    /// Access tokens of an account have expired; refresh tokens stay.
    pub(super) fn expire(&mut self, account: &str) {
        let is_access = |token: &&mut Token| token.account == account && token.kind == Kind::Access;
        self.known.values_mut().filter(is_access).for_each(|token| token.ends = SystemTime::UNIX_EPOCH);
    }

    /// Ends every token of an account.
    pub(super) fn end(&mut self, account: &str) {
        let own = |token: &&mut Token| token.account == account;
        self.known.values_mut().filter(own).for_each(|token| token.ends = SystemTime::UNIX_EPOCH);
    }

    /// The id of the account that an access token stands for.
    pub(super) fn account(&self, access: &str) -> Option<&str> {
        let found = self.known.get(access).filter(|token| token.kind == Kind::Access)?;
        (found.ends > SystemTime::now()).then_some(&found.account)
    }

    /// Uses up a refresh token and gives the id of its account.
    fn use_up(&mut self, refresh: &str) -> Option<String> {
        let found = self.known.get_mut(refresh).filter(|token| token.ends > SystemTime::now())?;
        let account = found.account.clone();
        match found.kind {
            Kind::Access => None,
            Kind::Refresh { used: false } => {
                found.kind = Kind::Refresh { used: true };
                Some(account)
            }
            Kind::Refresh { used: true } => {
                if self.strict {
                    self.end(&account);
                }
                None
            }
        }
    }

    fn revoke(&mut self, token: &str) {
        let Some(found) = self.known.get_mut(token) else { return };
        match found.kind {
            Kind::Access => found.ends = SystemTime::UNIX_EPOCH,
            Kind::Refresh { .. } => {
                let account = found.account.clone();
                self.end(&account);
            }
        }
    }
}

impl State {
    /// The page on which people are asked. X wants PKCE of everybody.
    pub(super) fn authorize(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let given = Form(form::pairs(request.uri().query().unwrap_or_default()));
        let text = |name: &str| given.required(name).map(str::to_owned).unwrap_or_default();
        let settings = &self.settings;
        let known = settings.client_id.as_ref().is_none_or(|known| *known == text("client_id"))
            && (settings.redirect_uris.is_empty() || settings.redirect_uris.contains(&text("redirect_uri")));
        let whole = text("response_type") == "code"
            && text("code_challenge_method") == "S256"
            && text("code_challenge").len() == 43
            && !text("state").is_empty();
        if !known || !whole {
            let said = "Something went wrong. You weren't able to give access to the App.";
            return consent::page(StatusCode::BAD_REQUEST, said);
        }
        let asked = Asked {
            client: text("client_id"),
            redirect_uri: text("redirect_uri"),
            state: text("state"),
            scopes: text("scope").split_whitespace().map(str::to_owned).collect(),
            challenge: Some(text("code_challenge")),
        };
        let consent = settings.consent.clone();
        let account = consent.approve_as.as_deref().and_then(|handle| self.id_of(handle)).map(str::to_owned);
        self.tokens.codes.answer(&consent, &asked, account.as_deref(), CODE_TIME)
    }

    /// Answers a request for tokens, by a code or by a refresh token.
    pub(super) fn give_tokens(&mut self, request: &Request<Bytes>) -> Result<Value, Refused> {
        let form = Form::of(request);
        if form.required("grant_type")? != "authorization_code" {
            return self.refresh(request);
        }
        let client = self.check_client(request, &form)?;
        let verifier = form.required("code_verifier")?;
        let code = self.tokens.codes.take(
            form.required("code")?,
            &client,
            form.required("redirect_uri")?,
            Some(verifier),
        );
        let code = code.map_err(|bad| {
            if let Bad::Used { account } = bad {
                self.tokens.end(&account);
            }
            invalid_request("Value passed for the authorization code was invalid.")
        })?;
        let access = self.tokens.issue(&code.account, Kind::Access);
        let mut answer = json!({
            "token_type": "bearer", "expires_in": ACCESS_TIME.as_secs(), "access_token": access,
            "scope": code.scopes.join(" "),
        });
        if code.scopes.iter().any(|scope| scope == "offline.access") {
            answer["refresh_token"] = json!(self.tokens.issue(&code.account, Kind::Refresh { used: false }));
        }
        Ok(answer)
    }

    /// Answers a refresh.
    fn refresh(&mut self, request: &Request<Bytes>) -> Result<Value, Refused> {
        let form = Form::of(request);
        self.check_client(request, &form)?;
        let grant = form.required("grant_type")?;
        if grant != "refresh_token" {
            let message = format!("Value passed for the grant type [{grant}] is not simulated.");
            return Err(invalid_request(&message));
        }
        let token = form.required("refresh_token")?;
        let account = self
            .tokens
            .use_up(token)
            .ok_or_else(|| invalid_request("Value passed for the token was invalid."))?;
        let access = self.tokens.issue(&account, Kind::Access);
        let refresh = self.tokens.issue(&account, Kind::Refresh { used: false });
        Ok(json!({
            "token_type": "bearer", "expires_in": ACCESS_TIME.as_secs(), "access_token": access,
            "scope": SCOPE, "refresh_token": refresh,
        }))
    }

    /// Revokes a token; one that is unknown counts as revoked.
    pub(super) fn revoke_token(&mut self, request: &Request<Bytes>) -> Result<Value, Refused> {
        let form = Form::of(request);
        self.check_client(request, &form)?;
        self.tokens.revoke(form.required("token")?);
        Ok(json!({"revoked": true}))
    }

    /// An app with a secret says who it is by Basic, one without in the body. Gives its id.
    fn check_client(&self, request: &Request<Bytes>, form: &Form) -> Result<String, Refused> {
        let (id, secret) = match basic(request) {
            Some((id, secret)) => (id, Some(secret)),
            None => (form.required("client_id")?.to_owned(), None),
        };
        let settings = &self.settings;
        let known = settings.client_id.as_ref().is_none_or(|known| *known == id)
            && (settings.client_secret.is_none() || settings.client_secret == secret);
        if known {
            return Ok(id);
        }
        let message = "Missing valid authorization header";
        Err(Refused::oauth(StatusCode::UNAUTHORIZED, "unauthorized_client", message))
    }
}

fn invalid_request(message: &str) -> Refused {
    Refused::oauth(StatusCode::BAD_REQUEST, "invalid_request", message)
}

fn basic(request: &Request<Bytes>) -> Option<(String, String)> {
    let encoded = request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The pairs of a form.
struct Form(Vec<(String, String)>);

impl Form {
    fn of(request: &Request<Bytes>) -> Self {
        Self(std::str::from_utf8(request.body()).map(form::pairs).unwrap_or_default())
    }

    fn required(&self, name: &str) -> Result<&str, Refused> {
        let found = self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        found
            .filter(|value| !value.is_empty())
            .ok_or_else(|| invalid_request(&format!("Missing required parameter [{name}].")))
    }
}
