//! What a server says never shows a secret that it was given: a hostile one could send a token back in an error, and
//! errors are logged and stored where more people read than may know it.
//!
//! Every provider is wrapped in [`Redacting`] by the registry, so that nothing that calls one can forget it.

mod connect;
mod text;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crier_core::platform::Platform;
use crier_core::refresh::Rotation;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use zeroize::Zeroizing;

use self::text::Hidden;
use super::{
    Account, Act, App, Caller, Connect, Done, Failure, Found, Frozen, Lifetime, Login, Metrics, Post,
    Provider, Published, Sought,
};
use crate::secrets::Session;

/// A provider that shows nobody what it was trusted with. It passes on every method of [`Provider`], also those that have a
/// default.
pub(super) struct Redacting {
    provider: Arc<dyn Provider>,
    app: Option<App>,
}

impl Redacting {
    pub(super) fn new(provider: Arc<dyn Provider>, app: Option<App>) -> Self {
        Self { provider, app }
    }

    fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        if let Some(App { client_id, client_secret: Some(secret) }) = &self.app {
            secrets.add(secret);
            secrets.add_basic(client_id, secret);
        }
        secrets
    }

    fn of(&self, account: &Account, session: &Session) -> Secrets {
        let mut secrets = self.secrets();
        secrets.add(&session.access);
        secrets.add_basic(&account.handle, &session.access);
        secrets.add(&session.refresh);
        if let Some(bound) = &session.bound {
            secrets.add(bound.key.kept());
        }
        secrets
    }
}

/// What must not be shown.
#[derive(Default)]
pub(super) struct Secrets(Vec<Hidden>);

impl Secrets {
    /// What a provider got besides the session, which the wrapper doesn't know.
    pub(super) fn of(secret: &SecretString) -> Self {
        let mut secrets = Self::default();
        secrets.add(secret);
        secrets
    }

    fn add(&mut self, secret: &SecretString) {
        self.0.extend(Hidden::new(secret));
    }

    /// A password as a header has it.
    fn add_basic(&mut self, name: &str, password: &SecretString) {
        let pair = Zeroizing::new(format!("{name}:{}", password.expose_secret()));
        self.add(&STANDARD.encode(pair.as_bytes()).into());
    }

    pub(super) fn hide(&self, text: &mut String) {
        self.0.iter().for_each(|secret| secret.hide(text));
    }

    fn hide_in(&self, text: Option<&mut String>) {
        if let Some(text) = text {
            self.hide(text);
        }
    }

    pub(super) fn failure(&self, mut failure: Failure) -> Failure {
        self.hide(&mut failure.message);
        self.hide_in(failure.code.as_mut());
        failure.existing = failure.existing.map(|existing| Box::new(self.published(*existing)));
        failure
    }

    fn published(&self, mut published: Published) -> Published {
        self.hide(&mut published.external_id);
        self.hide(&mut published.url);
        self.hide_in(published.cid.as_mut());
        published
    }

    pub(super) fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.hide(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.value(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[async_trait]
impl Provider for Redacting {
    fn platform(&self) -> &'static Platform {
        self.provider.platform()
    }

    fn default_base_url(&self) -> Option<&'static str> {
        self.provider.default_base_url()
    }

    fn servers(&self) -> Vec<&str> {
        self.provider.servers()
    }

    fn secret(&self) -> &'static str {
        self.provider.secret()
    }

    fn hidden(&self, password: &SecretString) -> Vec<SecretString> {
        self.provider.hidden(password)
    }

    async fn login(&self, base_url: &str, handle: &str, password: &SecretString) -> Result<Login, Failure> {
        let mut secrets = self.secrets();
        self.provider.hidden(password).iter().for_each(|part| secrets.add(part));
        secrets.add_basic(handle, password);
        let login = self.provider.login(base_url, handle, password).await;
        let mut login = login.map_err(|failure| secrets.failure(failure))?;
        secrets.add(&login.session.access);
        secrets.add(&login.session.refresh);
        // the address is where the next call goes
        secrets.hide(&mut login.external_id);
        secrets.hide(&mut login.handle);
        Ok(login)
    }

    fn lifetime(&self, session: &Session) -> Lifetime {
        self.provider.lifetime(session)
    }

    fn rotation(&self, session: &Session) -> Rotation {
        self.provider.rotation(session)
    }

    async fn refresh(&self, caller: &Caller) -> Result<Session, Failure> {
        let refreshed = self.provider.refresh(caller).await;
        refreshed.map_err(|failure| self.of(&caller.account, &caller.session).failure(failure))
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        let secrets = self.of(&caller.account, &caller.session);
        let prepared = self.provider.prepare(caller, post, prepared).await;
        let mut prepared = prepared.map_err(|failure| secrets.failure(failure))?;
        if let Some(prepared) = &mut prepared {
            secrets.value(prepared);
        }
        Ok(prepared)
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        self.provider.draft(post, prepared)
    }

    async fn commit(&self, caller: &Caller, post: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        let secrets = self.of(&caller.account, &caller.session);
        let sent = self.provider.commit(caller, post, frozen).await;
        sent.map(|published| secrets.published(published)).map_err(|failure| secrets.failure(failure))
    }

    fn settles(&self, frozen: &Frozen) -> Duration {
        self.provider.settles(frozen)
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let secrets = session.map_or_else(|| self.secrets(), |session| self.of(account, session));
        let found = self.provider.look(account, session, sought).await;
        match found.map_err(|failure| secrets.failure(failure))? {
            Found::Same(published) => Ok(Found::Same(secrets.published(published))),
            found => Ok(found),
        }
    }

    fn looks_in_public(&self) -> bool {
        self.provider.looks_in_public()
    }

    fn completes(&self, post: &Post) -> bool {
        self.provider.completes(post)
    }

    async fn complete(&self, caller: &Caller, post: &Post, published: &Published) -> Result<(), Failure> {
        let completed = self.provider.complete(caller, post, published).await;
        completed.map_err(|failure| self.of(&caller.account, &caller.session).failure(failure))
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        let secrets = self.of(&caller.account, &caller.session);
        let done = self.provider.act(caller, act).await;
        let mut done = done.map_err(|failure| secrets.failure(failure))?;
        secrets.hide_in(done.external_id.as_mut());
        secrets.hide_in(done.url.as_mut());
        Ok(done)
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        let metrics = self.provider.metrics(caller, post).await;
        metrics.map_err(|failure| self.of(&caller.account, &caller.session).failure(failure))
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        self.provider.sample()
    }

    fn connect(&self) -> Option<&dyn Connect> {
        self.provider.connect().map(|_| self as &dyn Connect)
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        self.provider.reach(base_url).await.map_err(|failure| self.secrets().failure(failure))
    }
}

#[cfg(test)]
mod tests;
