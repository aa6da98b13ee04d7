//! The same for connecting accounts: a server that answers with the code, the verifier or a token shows nobody either.

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;

use super::{Redacting, Secrets};
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Reach};
use crate::secrets::Session;

impl Redacting {
    fn inner(&self) -> Result<&dyn Connect, Failure> {
        self.provider
            .connect()
            .ok_or_else(|| Failure::new(ErrorClass::Unsupported, "accounts are not connected by OAuth there"))
    }

    /// What a login was trusted with.
    fn of_ask(&self, ask: &Ask<'_>) -> Secrets {
        let mut secrets = self.secrets();
        secrets.add(ask.state);
        if let Some(secret) = ask.app.and_then(|app| app.client_secret.as_ref()) {
            secrets.add(secret);
        }
        secrets
    }
}

#[async_trait]
impl Connect for Redacting {
    fn server(&self, named: Option<&str>, reach: Reach) -> Result<String, Failure> {
        self.inner()?.server(named, reach)
    }

    fn app(&self, server: &str) -> Result<Option<&App>, Failure> {
        self.inner()?.app(server)
    }

    fn registers(&self) -> bool {
        self.provider.connect().is_some_and(Connect::registers)
    }

    async fn register(&self, server: &str, redirect_uri: &str, reach: Reach) -> Result<App, Failure> {
        self.inner()?.register(server, redirect_uri, reach).await
    }

    async fn knows(&self, server: &str, app: &App, reach: Reach) -> Result<bool, Failure> {
        let mut secrets = self.secrets();
        app.client_secret.iter().for_each(|secret| secrets.add(secret));
        let knows = self.inner()?.knows(server, app, reach).await;
        knows.map_err(|failure| secrets.failure(failure))
    }

    async fn revoke(&self, server: &str, app: Option<&App>, session: &Session, reach: Reach) {
        if let Ok(inner) = self.inner() {
            inner.revoke(server, app, session, reach).await;
        }
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        self.inner()?.begin(ask).await.map_err(|failure| self.of_ask(ask).failure(failure))
    }

    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let granted = self.inner()?.finish(kept, callback).await;
        let mut secrets = self.of_ask(&callback.ask);
        secrets.add(callback.code);
        let mut granted = match granted {
            Ok(granted) => granted,
            Err(failure) => {
                kept.secrets().iter().for_each(|secret| secrets.add(secret));
                return Err(secrets.failure(failure));
            }
        };
        for account in &granted {
            secrets.add(&account.session.access);
            secrets.add(&account.session.refresh);
        }
        for account in &mut granted {
            secrets.hide(&mut account.external_id);
            secrets.hide(&mut account.handle);
            account.missing.iter_mut().for_each(|scope| secrets.hide(scope));
        }
        Ok(granted)
    }
}
