//! Applications and tokens. Tokens have scopes and end when they are revoked; nothing is ever refreshed.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use bytes::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use super::parameters::Parameters;
use super::{Refused, State, id_of};

pub(super) const INVALID: &str = "The access token is invalid";
pub(super) const REVOKED: &str = "The access token was revoked";
/// Only servers that limit the life of tokens say so.
pub(super) const EXPIRED: &str = "The access token expired";

/// The scopes of a token that its owner made for everything.
const EVERYTHING: &str = "profile read write follow push";
/// What a scope may begin with.
const KNOWN: [&str; 5] = ["profile", "read", "write", "follow", "push"];
/// The address that stands for showing the code to the user.
const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";

/// Who may do what.
#[derive(Default)]
pub(super) struct Access {
    /// By their public id.
    apps: BTreeMap<String, App>,
    tokens: HashMap<String, Token>,
}

struct App {
    secret: String,
    scopes: String,
}

struct Token {
    /// The account it acts for; a token of an application acts for none.
    owner: Option<u64>,
    app: Option<String>,
    scopes: String,
    /// Why it is not accepted any more.
    ended: Option<&'static str>,
}

impl Token {
    fn check(&self, scope: &str) -> Result<(), Refused> {
        if let Some(reason) = self.ended {
            return Err(Refused::token(reason));
        }
        let whole = scope.split(':').next().unwrap_or(scope);
        if self.scopes.split(' ').any(|given| given == scope || given == whole) {
            return Ok(());
        }
        Err(Refused::new(StatusCode::FORBIDDEN, "This action is outside the authorized scopes"))
    }
}

impl Access {
    /// Every secret that was given out.
    pub(super) fn issued(&self) -> Vec<String> {
        self.tokens.keys().cloned().chain(self.apps.values().map(|app| app.secret.clone())).collect()
    }

    /// Makes a text that was chosen outside the token of an account.
    pub(super) fn adopt(&mut self, token: &str, owner: u64) -> Result<(), String> {
        if token.is_empty() || self.tokens.contains_key(token) {
            return Err("the token is empty or taken".into());
        }
        let scopes = EVERYTHING.to_owned();
        self.tokens.insert(token.to_owned(), Token { owner: Some(owner), app: None, scopes, ended: None });
        Ok(())
    }
}

impl State {
    pub(super) fn end_tokens(&mut self, handle: &str, reason: &'static str) {
        let owner = self.account_named(handle).map(|account| account.id);
        let own = |token: &&mut Token| owner.is_some() && token.owner == owner;
        self.access.tokens.values_mut().filter(own).for_each(|token| token.ended = Some(reason));
    }

    /// The account that a token lets do what the scope names.
    pub(super) fn user(&self, token: Option<&str>, scope: &str) -> Result<u64, Refused> {
        let token = token.and_then(|token| self.access.tokens.get(token));
        let token = token.ok_or_else(|| Refused::token(INVALID))?;
        token.check(scope)?;
        let no_user = || Refused::unprocessable("This method requires an authenticated user");
        let owner = token.owner.ok_or_else(no_user)?;
        if self.settings.logins_disabled {
            return Err(Refused::new(StatusCode::FORBIDDEN, "Your login is currently disabled"));
        }
        Ok(owner)
    }

    /// Who looks at something that everybody may see: without a token nobody, and also with one that never was.
    pub(super) fn viewer(&self, token: Option<&str>, scope: &str) -> Result<Option<u64>, Refused> {
        match token.and_then(|token| self.access.tokens.get(token)) {
            Some(token) => token.check(scope).map(|()| token.owner),
            None => Ok(None),
        }
    }

    pub(super) fn create_app(&mut self, given: &Parameters) -> Result<Value, Refused> {
        let name = given.text("client_name").unwrap_or_default();
        if name.trim().is_empty() {
            return Err(Refused::invalid("Application name can't be blank"));
        }
        // a list, or a text with one on each line
        let listed = given.texts("redirect_uris");
        let lines = given.text("redirect_uris").unwrap_or_default();
        let redirects: Vec<_> = listed.into_iter().chain(lines.lines().map(str::to_owned)).collect();
        if redirects.is_empty() {
            return Err(Refused::invalid("Redirect URI can't be blank"));
        }
        if redirects.iter().any(|uri| uri != OUT_OF_BAND && !uri.contains("://")) {
            return Err(Refused::invalid("Redirect URI must be an absolute URI."));
        }
        let scopes = given.text("scopes").unwrap_or_else(|| "read".into());
        if scopes.split_whitespace().any(|scope| !is_known(scope)) {
            return Err(Refused::invalid("Scopes doesn't match configured on the server."));
        }
        let (id, client_id, secret) = (self.next_id(), random(), random());
        let app = json!({
            "id": id_of(id), "name": name, "website": given.text("website"),
            "scopes": scopes.split_whitespace().collect::<Vec<_>>(),
            "redirect_uri": redirects.join("\n"), "redirect_uris": redirects,
            "client_id": client_id, "client_secret": secret, "client_secret_expires_at": 0, "vapid_key": "",
        });
        self.access.apps.insert(client_id, App { secret, scopes });
        Ok(app)
    }

    /// A token of an application. No code was ever given out, so none is good.
    pub(super) fn give_token(&mut self, given: &Parameters) -> Result<Value, Refused> {
        let grant = given.text("grant_type").unwrap_or_default();
        if grant.is_empty() {
            return Err(refused("invalid_request", "Missing required parameter: grant_type."));
        }
        if !["client_credentials", "authorization_code"].contains(&grant.as_str()) {
            let unsupported = "The authorization grant type is not supported by the authorization server.";
            return Err(refused("unsupported_grant_type", unsupported));
        }
        let unknown = || Refused {
            status: StatusCode::UNAUTHORIZED,
            ..refused(
                "invalid_client",
                "Client authentication failed due to unknown client, no client authentication included, or \
                 unsupported authentication method.",
            )
        };
        let client = self.client(given).ok_or_else(unknown)?;
        if grant == "authorization_code" {
            let invalid = "The provided authorization grant is invalid, expired, revoked, does not match the \
                           redirection URI used in the authorization request, or was issued to another client.";
            return Err(refused("invalid_grant", invalid));
        }
        let allowed = self.access.apps.get(&client).map(|app| app.scopes.clone()).unwrap_or_default();
        let scopes = given.text("scope").unwrap_or_else(|| "read".into());
        if scopes.split_whitespace().any(|scope| !allowed.split_whitespace().any(|given| given == scope)) {
            let invalid = "The requested scope is invalid, unknown, or malformed.";
            return Err(refused("invalid_scope", invalid));
        }
        let (token, now) = (random(), SystemTime::now());
        let answer = json!({
            "access_token": token, "token_type": "Bearer", "scope": scopes,
            "created_at": now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        });
        self.access.tokens.insert(token, Token { owner: None, app: Some(client), scopes, ended: None });
        Ok(answer)
    }

    /// Only the application that got a token ends it: not those that were pasted from the settings of another.
    pub(super) fn revoke_token(&mut self, given: &Parameters) -> Result<Value, Refused> {
        let client = self.client(given);
        let token = given.text("token").and_then(|token| self.access.tokens.get_mut(&token));
        match token.filter(|token| client.is_some() && token.app == client) {
            Some(token) => token.ended = Some(REVOKED),
            None => {
                let refused = refused("unauthorized_client", "You are not authorized to revoke this token");
                return Err(Refused { status: StatusCode::FORBIDDEN, ..refused });
            }
        }
        Ok(json!({}))
    }

    /// The application that a call proves to be.
    fn client(&self, given: &Parameters) -> Option<String> {
        let id = given.text("client_id")?;
        let app = self.access.apps.get(&id)?;
        (given.text("client_secret").as_ref() == Some(&app.secret)).then_some(id)
    }
}

/// The token that a call brings.
pub(super) fn bearer(request: &Request<Bytes>) -> Option<&str> {
    request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn refused(error: &str, description: &'static str) -> Refused {
    Refused { description: Some(description), ..Refused::new(StatusCode::BAD_REQUEST, error) }
}

fn is_known(scope: &str) -> bool {
    KNOWN.contains(&scope.split(':').next().unwrap_or_default())
}

/// 43 characters that nobody guesses.
fn random() -> String {
    use base64::Engine;
    let bytes = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
