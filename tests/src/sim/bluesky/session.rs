//! Sessions: app passwords, tokens that look like JSON Web Tokens, and refresh with a grace time.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Refused, State, unix};

const ACCESS_TIME: Duration = Duration::from_secs(2 * 60 * 60);
const REFRESH_TIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long a refresh token that was used still gives its successor.
const GRACE: Duration = Duration::from_secs(2 * 60 * 60);

const INVALID: &str = "InvalidToken";

/// The tokens that were issued.
pub(super) struct Tokens {
    known: HashMap<String, Token>,
    /// Whether a refresh token that comes a second time ends the account's sessions.
    strict: bool,
    /// Makes the signatures; nobody verifies them, they only look like some.
    secret: [u8; 16],
}

struct Token {
    did: String,
    kind: Kind,
    expires: SystemTime,
}

enum Kind {
    Access,
    /// For another service, to make calls of one name at one server.
    Service {
        audience: String,
        method: Option<String>,
    },
    Refresh {
        /// The token that took its place.
        successor: Option<String>,
        revoked: bool,
    },
}

impl Default for Tokens {
    fn default() -> Self {
        Self { known: HashMap::new(), strict: false, secret: uuid::Uuid::new_v4().into_bytes() }
    }
}

impl Tokens {
    pub(super) fn issued(&self) -> Vec<String> {
        self.known.keys().cloned().collect()
    }

    /// Ends every session of an account: access tokens have expired, refresh tokens are revoked.
    fn revoke(&mut self, did: &str) {
        for token in self.known.values_mut().filter(|token| token.did == did) {
            match &mut token.kind {
                Kind::Access => token.expires = SystemTime::UNIX_EPOCH,
                // it is not looked up where sessions are
                Kind::Service { .. } => {}
                Kind::Refresh { revoked, .. } => *revoked = true,
            }
        }
    }

    /// Access tokens have expired; refresh tokens stay.
    fn expire(&mut self, did: &str) {
        let is_access = |token: &&mut Token| token.did == did && matches!(token.kind, Kind::Access);
        self.known.values_mut().filter(is_access).for_each(|token| token.expires = SystemTime::UNIX_EPOCH);
    }

    pub(super) fn be_strict(&mut self) {
        self.strict = true;
    }

    /// A token for a service, to make calls of one name at a server.
    pub(super) fn issue_for_service(
        &mut self,
        did: &str,
        audience: &str,
        method: Option<&str>,
        life: Duration,
    ) -> String {
        let kind = Kind::Service { audience: audience.to_owned(), method: method.map(str::to_owned) };
        self.issue_until(did, kind, SystemTime::now() + life)
    }

    /// The account that lets a service make this call at this server.
    pub(super) fn service(&mut self, token: &str, server: &str, call: &str) -> Result<String, Refused> {
        let found = self.find(token)?;
        match &found.kind {
            Kind::Service { audience, method } if audience == server && method.as_deref() == Some(call) => {
                Ok(found.did.clone())
            }
            _ => Err(Refused::new(StatusCode::UNAUTHORIZED, INVALID, "Token is for another purpose")),
        }
    }

    fn issue(&mut self, did: &str, kind: Kind) -> String {
        let life = if matches!(kind, Kind::Refresh { .. }) { REFRESH_TIME } else { ACCESS_TIME };
        self.issue_until(did, kind, SystemTime::now() + life)
    }

    fn issue_until(&mut self, did: &str, kind: Kind, expires: SystemTime) -> String {
        let now = SystemTime::now();
        let (issued, ends, id) = (unix(now), unix(expires), uuid::Uuid::new_v4());
        let session = |scope: &str, typ: &str| {
            let claims = json!({
                "scope": scope, "aud": "did:web:localhost", "sub": did, "jti": id, "iat": issued, "exp": ends,
            });
            (json!({"typ": typ, "alg": "HS256"}), claims)
        };
        let (head, claims) = match &kind {
            Kind::Access => session("com.atproto.appPass", "at+jwt"),
            Kind::Refresh { .. } => session("com.atproto.refresh", "refresh+jwt"),
            Kind::Service { audience, method } => {
                let claims = json!({
                    "iss": did, "aud": audience, "lxm": method, "jti": id, "iat": issued, "exp": ends,
                });
                (json!({"typ": "JWT", "alg": "ES256K"}), claims)
            }
        };
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&head), encode(&claims));
        let signature = Sha256::digest([self.secret.as_slice(), signed.as_bytes()].concat());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        self.known.insert(token.clone(), Token { did: did.to_owned(), kind, expires });
        token
    }

    fn find(&mut self, token: &str) -> Result<&mut Token, Refused> {
        let unknown = || Refused::new(StatusCode::BAD_REQUEST, INVALID, "Token could not be verified");
        let found = self.known.get_mut(token).ok_or_else(unknown)?;
        if found.expires < SystemTime::now() {
            return Err(expired("Token has expired"));
        }
        Ok(found)
    }
}

fn expired(message: &str) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "ExpiredToken", message)
}

fn wrong_kind() -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, INVALID, "Invalid token type")
}

impl State {
    pub(super) fn revoke(&mut self, handle: &str) {
        if let Some(did) = self.account(handle).map(|account| account.did.clone()) {
            self.tokens.revoke(&did);
        }
    }

    pub(super) fn expire(&mut self, handle: &str) {
        if let Some(did) = self.account(handle).map(|account| account.did.clone()) {
            self.tokens.expire(&did);
        }
    }

    /// The DID that an access token stands for.
    pub(super) fn authorize(&mut self, token: &str) -> Result<String, Refused> {
        let found = self.tokens.find(token)?;
        match found.kind {
            Kind::Access => Ok(found.did.clone()),
            Kind::Refresh { .. } | Kind::Service { .. } => Err(wrong_kind()),
        }
    }

    pub(super) fn create_session(&mut self, input: &Value, base: &str) -> Result<Value, Refused> {
        let text = |key: &str| {
            let missing = || Refused::invalid(format!("Missing required key {key:?} at $"));
            input[key].as_str().ok_or_else(missing)
        };
        let (identifier, password) = (text("identifier")?, text("password")?);
        let found = self.account(identifier).filter(|account| account.password == password);
        let Some(did) = found.map(|account| account.did.clone()) else {
            let wrong = "Invalid identifier or password";
            return Err(Refused::new(StatusCode::UNAUTHORIZED, "AuthenticationRequired", wrong));
        };
        let refresh = self.tokens.issue(&did, Kind::Refresh { successor: None, revoked: false });
        Ok(self.session(&did, refresh, base))
    }

    pub(super) fn refresh_session(&mut self, token: &str, base: &str) -> Result<Value, Refused> {
        let found = self.tokens.find(token)?;
        let did = found.did.clone();
        let known = match &found.kind {
            Kind::Access | Kind::Service { .. } => return Err(wrong_kind()),
            Kind::Refresh { revoked: true, .. } => return Err(expired("Token has been revoked")),
            Kind::Refresh { successor, .. } => successor.clone(),
        };
        let refresh = match known {
            Some(_) if self.tokens.strict => {
                self.tokens.revoke(&did);
                return Err(expired("Token has been revoked"));
            }
            Some(successor) => successor,
            None => {
                let successor = self.tokens.issue(&did, Kind::Refresh { successor: None, revoked: false });
                let used = self.tokens.find(token)?;
                used.kind = Kind::Refresh { successor: Some(successor.clone()), revoked: false };
                used.expires = SystemTime::now() + GRACE;
                successor
            }
        };
        Ok(self.session(&did, refresh, base))
    }

    pub(super) fn delete_session(&mut self, token: &str) -> Result<(), Refused> {
        match &mut self.tokens.find(token)?.kind {
            Kind::Access | Kind::Service { .. } => Err(wrong_kind()),
            Kind::Refresh { revoked, .. } => {
                *revoked = true;
                Ok(())
            }
        }
    }

    pub(super) fn get_session(&mut self, token: &str) -> Result<Value, Refused> {
        let did = self.authorize(token)?;
        Ok(json!({"did": did, "handle": self.handle(&did), "active": true}))
    }

    fn session(&mut self, did: &str, refresh: String, base: &str) -> Value {
        let access = self.tokens.issue(did, Kind::Access);
        let handle = self.handle(did);
        json!({
            "accessJwt": access, "refreshJwt": refresh, "did": did, "handle": handle, "active": true,
            "didDoc": {
                "@context": ["https://www.w3.org/ns/did/v1"],
                "id": did,
                "alsoKnownAs": [format!("at://{handle}")],
                "service": [
                    {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": base},
                ],
            },
        })
    }
}
