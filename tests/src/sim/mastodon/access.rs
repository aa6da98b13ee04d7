//! Applications and tokens. Tokens have scopes and end when they are revoked; nothing is ever refreshed.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::parameters::Parameters;
use super::{Refused, State, id_of};
use crate::sim::consent::{self, Asked, Bad, Codes};

pub(super) const INVALID: &str = "The access token is invalid";
pub(super) const REVOKED: &str = "The access token was revoked";
/// Only servers that limit the life of tokens say so.
pub(super) const EXPIRED: &str = "The access token expired";

/// The scopes of a token that its owner made for everything.
const EVERYTHING: &str = "profile read write follow push";
/// What a scope may begin with.
const KNOWN: [&str; 5] = ["profile", "read", "write", "follow", "push"];
/// How long a code is good.
const CODE_LIFE: Duration = Duration::from_secs(10 * 60);
/// The address that stands for showing the code to the user.
const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";

/// Who may do what.
#[derive(Default)]
pub(super) struct Access {
    /// By their public id.
    apps: BTreeMap<String, App>,
    tokens: HashMap<String, Token>,
    codes: Codes,
}

struct App {
    secret: String,
    scopes: String,
    redirects: Vec<String>,
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
        let apps = self.apps.values().map(|app| app.secret.clone());
        self.tokens.keys().cloned().chain(apps).chain(self.codes.issued()).collect()
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
            "redirect_uri": redirects.join("\n"), "redirect_uris": redirects.clone(),
            "client_id": client_id, "client_secret": secret, "client_secret_expires_at": 0, "vapid_key": "",
        });
        self.access.apps.insert(client_id, App { secret, scopes, redirects });
        Ok(app)
    }

    /// What the server tells of itself: how it takes logins (RFC 8414).
    pub(super) fn metadata(&self) -> Result<Value, Refused> {
        if !self.settings.tells_of_itself {
            return Err(Refused::not_found());
        }
        let base = &self.base;
        Ok(json!({
            "issuer": format!("{base}/"), "service_documentation": "https://docs.joinmastodon.org/",
            "authorization_endpoint": format!("{base}/oauth/authorize"), "token_endpoint": format!("{base}/oauth/token"),
            "app_registration_endpoint": format!("{base}/api/v1/apps"), "revocation_endpoint": format!("{base}/oauth/revoke"),
            "scopes_supported": ["read", "read:accounts", "read:statuses", "write", "write:statuses", "write:media"],
            "response_types_supported": ["code"], "response_modes_supported": ["query", "fragment", "form_post"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }))
    }

    /// The page on which people are asked. An app or an address that the server doesn't know is told to the person, not to
    /// the address.
    pub(super) fn authorize(&mut self, given: &Parameters) -> Response<Bytes> {
        let text = |name: &str| given.text(name).unwrap_or_default();
        let Some(app) = self.access.apps.get(&text("client_id")) else {
            return consent::page(
                StatusCode::UNAUTHORIZED,
                "Client authentication failed due to unknown client.",
            );
        };
        let scopes: Vec<_> = text("scope").split_whitespace().map(str::to_owned).collect();
        let registered = |scope: &String| app.scopes.split_whitespace().any(|known| known == scope);
        if !app.redirects.contains(&text("redirect_uri")) || text("response_type") != "code" {
            return consent::page(StatusCode::BAD_REQUEST, "The redirect uri included is not valid.");
        }
        if !scopes.iter().all(registered) {
            return consent::page(
                StatusCode::BAD_REQUEST,
                "The requested scope is invalid, unknown, or malformed.",
            );
        }
        let asked = Asked {
            client: text("client_id"),
            redirect_uri: text("redirect_uri"),
            state: text("state"),
            scopes,
            challenge: given.text("code_challenge"),
        };
        let consent = self.settings.consent.clone();
        let named = consent.approve_as.as_ref().and_then(|name| self.account_named(name));
        let owner = named.map(|account| account.id.to_string());
        self.access.codes.answer(&consent, &asked, owner.as_deref(), CODE_LIFE)
    }

    /// The token that a code gives. One that comes twice ends what it gave.
    fn token_for_code(&mut self, client: &str, given: &Parameters) -> Result<Value, Refused> {
        let text = |name: &str| given.text(name).unwrap_or_default();
        let verifier = given.text("code_verifier");
        let code = self.access.codes.take(&text("code"), client, &text("redirect_uri"), verifier.as_deref());
        let code = code.map_err(|bad| {
            if let Bad::Used { account } = bad {
                let owner = account.parse().ok();
                let own = |token: &&mut Token| token.owner == owner && token.app.as_deref() == Some(client);
                self.access.tokens.values_mut().filter(own).for_each(|token| token.ended = Some(REVOKED));
            }
            refused(
                "invalid_grant",
                "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used \
                 in the authorization request, or was issued to another client.",
            )
        })?;
        let (token, scopes) = (random(), code.scopes.join(" "));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let answer =
            json!({"access_token": token, "token_type": "Bearer", "scope": scopes, "created_at": now});
        let app = Some(client.to_owned());
        self.access
            .tokens
            .insert(token, Token { owner: code.account.parse().ok(), app, scopes, ended: None });
        Ok(answer)
    }

    /// Forgets every application, as servers do with those that nobody used.
    pub(super) fn forget_apps(&mut self) {
        self.access.apps.clear();
    }

    /// A token of an application, or of a person's code.
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
            return self.token_for_code(&client, given);
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
