//! Nostr: a post is an event that its author signs, on any number of relays.
//!
//! The event is signed once and frozen. Its id is the hash of all that it says: sent twice it is there once, and whether it is
//! there any relay tells.

mod act;
mod event;
mod prepare;
mod publish;
mod relay;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::nostr::{self, PLATFORM};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    Account, Act, Caller, Done, Failure, Found, Frozen, Lifetime, Login, Parts, Post, Provider, Published,
    Sought,
};
use crate::hex::hex;
use crate::secrets::Session;
use event::Author;
use relay::Relays;

/// The relay that is meant where none is named.
const RELAY: &str = "https://relay.damus.io";

/// Makes it. It calls nobody by HTTP.
pub(super) fn provider(_parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(Nostr)
}

/// The provider.
#[derive(Debug)]
struct Nostr;

#[async_trait]
impl Provider for Nostr {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some(RELAY)
    }

    fn secret(&self) -> &'static str {
        "secret key (nsec1…)"
    }

    async fn login(&self, base_url: &str, handle: &str, secret: &SecretString) -> Result<Login, Failure> {
        let key = Author::of(secret)?.key();
        let name = nostr::npub(&key);
        if nostr::public_key(handle.trim_start_matches("nostr:")) != Some(key) {
            let message = format!("the secret key is that of {name}, and not of the account that was named");
            return Err(Failure::new(ErrorClass::Permission, message));
        }
        Relays::new(base_url, &[]).reach().await?;
        Ok(Login {
            external_id: hex(&key),
            handle: name,
            base_url: base_url.to_owned(),
            session: Session::new(secret.expose_secret().trim().into(), SecretString::default()),
        })
    }

    /// Keys have no end.
    fn lifetime(&self, _session: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _caller: &Caller) -> Result<Session, Failure> {
        Err(Failure::new(ErrorClass::AuthRevoked, "the account's secret key is none"))
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        prepare::step(caller, post, prepared).await
    }

    fn draft(&self, _post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        publish::draft(prepared)
    }

    async fn commit(&self, _caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        publish::commit(frozen).await
    }

    async fn look(
        &self,
        _account: &Account,
        _session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        publish::look(sought.frozen).await
    }

    /// Everybody may read.
    fn looks_in_public(&self) -> bool {
        true
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(caller, act).await
    }

    /// An event for a relay that is nowhere: what a relay answers is read in `relay.rs`.
    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let key = secrecy::SecretString::from("01".repeat(32));
        let said = event::Said { kind: 1, created_at: 1_795_000_000, tags: vec![], content: "hi".into() };
        let event = Author::of(&key).and_then(|author| author.sign(said)).expect("a key");
        super::hostile::Sample {
            prepared: serde_json::json!({ "event": event, "relays": ["ws://127.0.0.1:1"], "of": "" }),
            ..super::hostile::Sample::text()
        }
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        Relays::new(base_url, &[]).reach().await
    }
}
