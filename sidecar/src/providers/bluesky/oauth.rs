//! Sessions by OAuth, as the AT Protocol wants it: pushed logins, PKCE, and tokens that are of use with a proof of the session's
//! key only.

pub(crate) mod app;
mod classify;
mod connect;
mod dpop;
mod fetch;
mod identity;
mod issuer;
mod nonces;
mod token;

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use secrecy::ExposeSecret;

use crate::client::Client;
use crate::providers::answer::{seconds_since_1970, since_1970};
use crate::providers::bluesky::ENTRYWAY;
use crate::providers::{Caller, Failure, Lifetime, Reach};
use crate::secrets::{Bound, Session};

pub(crate) use app::ClientKeys;
pub(super) use classify::INVALID_PROOF;
pub(super) use dpop::{Prover, USE_NONCE};
pub(super) use identity::server_of;
pub(super) use nonces::{Nonces, Side};

/// The directory of `did:plc:`.
pub(crate) const PLC_DIRECTORY: &str = "https://plc.directory";

/// How long a session lasts at the most without a login, of an app that keeps no secret and of one that has a key: what the
/// protocol allows. Servers don't tell.
const PUBLIC_LIFE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const KEYED_LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What the operator has set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory of `did:plc:`.
    pub plc_directory: String,
    /// Who is asked whose a name is, before the host of the name.
    pub handle_resolver: String,
    /// The keys by which the app says who it is.
    pub client_keys: ClientKeys,
    /// Where sessions that were made by servers of tenants may be renewed.
    pub reach: Reach,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plc_directory: PLC_DIRECTORY.into(),
            handle_resolver: ENTRYWAY.into(),
            client_keys: ClientKeys::default(),
            reach: Reach::default(),
        }
    }
}

/// What is known beyond one call.
#[derive(Debug)]
pub(super) struct OAuth {
    settings: Settings,
    issuers: issuer::Known,
    pub(super) nonces: Nonces,
}

impl OAuth {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, issuers: issuer::Known::default(), nonces: Nonces::default() }
    }

    /// Renews a session at the server that made it, as the app that it was made for.
    pub(super) async fn refresh(
        &self,
        client: &Client,
        caller: &Caller,
        bound: &Bound,
    ) -> Result<Session, Failure> {
        let reach = self.settings.reach;
        let client = &client.within(reach);
        let issuer = self.issuers.issuer(client, &bound.issuer, reach).await?;
        let app = app::Client { id: bound.client_id.clone(), key: bound.client_key.clone() };
        let endpoint = token::Endpoint {
            client,
            nonces: &self.nonces,
            keys: &self.settings.client_keys,
            issuer: &issuer,
            app: &app,
            key: &bound.key,
        };
        let tokens = endpoint.refresh(&caller.session.refresh).await?;
        renewed(caller, bound, tokens, SystemTime::now())
    }
}

fn renewed(
    caller: &Caller,
    bound: &Bound,
    tokens: token::Tokens,
    now: SystemTime,
) -> Result<Session, Failure> {
    if tokens.access_token.expose_secret().is_empty() {
        return Err(Failure::new(ErrorClass::OutcomeUnknown, "the answer holds no token"));
    }
    if tokens.sub().is_some_and(|did| did != caller.account.external_id) {
        let message = "the server answered with the session of another account; connect the account again";
        return Err(Failure::new(ErrorClass::AuthRevoked, message));
    }
    let next = session(tokens, Bound { issued_at: seconds_since_1970(now), ..bound.clone() }, now);
    Ok(caller.session.renewed(next))
}

/// The session that tokens make.
fn session(tokens: token::Tokens, bound: Bound, now: SystemTime) -> Session {
    let expires_at = Some(seconds_since_1970(now + tokens.life()));
    let refresh = tokens.refresh_token.unwrap_or_default();
    Session { expires_at, bound: Some(bound), ..Session::new(tokens.access_token, refresh) }
}

/// When a session's tokens end. An app without a key logs in anew so long after the last login, one with a key so long after
/// the last refresh.
pub(super) fn lifetime(session: &Session, bound: &Bound) -> Lifetime {
    let ends = match bound.client_key {
        None => since_1970(bound.began_at) + PUBLIC_LIFE,
        Some(_) => since_1970(bound.issued_at) + KEYED_LIFE,
    };
    Lifetime {
        issued_at: Some(since_1970(bound.issued_at)),
        expires_at: session.expires_at.map(since_1970),
        refresh_expires_at: Some(ends),
    }
}

#[cfg(test)]
mod tests;
