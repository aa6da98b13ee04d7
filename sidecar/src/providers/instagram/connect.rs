//! Connecting an account, by either login: Instagram's own gives one account; Facebook's gives those of all the pages that the
//! person lets the app see, to choose from. Meta takes no PKCE here: the state and the app's secret are what there is.

mod facebook;
mod own;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Instagram;
use crate::providers::oauth;
use crate::providers::{App, Apps, Ask, Begun, Callback, Connect, Endpoints, Failure, Granted, Kept, Reach};

/// An app and where its login is.
#[derive(Debug, Clone, Default)]
pub(super) struct Login {
    app: Option<App>,
    endpoints: Endpoints,
}

/// Both logins. They are different apps at Meta, with ids and secrets of their own.
#[derive(Debug, Clone, Default)]
pub(super) struct Logins {
    own: Login,
    facebook: Login,
}

impl Logins {
    pub(super) fn of(apps: &Apps) -> Self {
        let login = |name: &str| Login { app: apps.get(name).cloned(), endpoints: apps.endpoints(name) };
        Self { own: login("instagram"), facebook: login("facebook") }
    }

    fn own_server(&self) -> &str {
        self.own.endpoints.server.as_deref().unwrap_or(own::SERVER)
    }

    fn facebook_server(&self) -> &str {
        self.facebook.endpoints.server.as_deref().unwrap_or(facebook::SERVER)
    }

    fn is_facebook(&self, server: &str) -> bool {
        server == self.facebook_server()
    }
}

/// What both need of an app: without its secret Meta exchanges nothing.
fn secret(app: &App) -> Result<&SecretString, Failure> {
    app.client_secret.as_ref().ok_or_else(|| {
        let message = "Meta gives tokens only to an app that shows its secret: set client_secret_file";
        Failure::new(ErrorClass::Config, message)
    })
}

#[async_trait]
impl Connect for Instagram {
    /// The server tells the login: graph.instagram.com or graph.facebook.com.
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        oauth::only_server(&[self.logins.own_server(), self.logins.facebook_server()], named)
    }

    fn app(&self, server: &str) -> Result<Option<&App>, Failure> {
        let (login, name) = match self.logins.is_facebook(server) {
            true => (&self.logins.facebook, "facebook"),
            false => (&self.logins.own, "instagram"),
        };
        let app = oauth::own_app(login.app.as_ref(), name)?;
        secret(app).map(|_| Some(app))
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        let (login, usual, scopes) = match self.logins.is_facebook(ask.server) {
            true => (&self.logins.facebook, facebook::AUTHORIZE, facebook::scopes()),
            false => (&self.logins.own, own::AUTHORIZE, own::scopes()),
        };
        let app = oauth::own_app(ask.app, "instagram")?;
        let endpoint = login.endpoints.authorize_url.as_deref().unwrap_or(usual);
        let authorize_url = oauth::address(
            endpoint,
            &[
                ("response_type", "code"),
                ("client_id", &app.client_id),
                ("redirect_uri", ask.redirect_uri),
                ("scope", &scopes),
                ("state", ask.state.expose_secret()),
            ],
        )?;
        Ok(Begun { authorize_url, kept: Kept::of(&Value::Null)? })
    }

    async fn finish(&self, _kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let app = oauth::own_app(callback.ask.app, "instagram")?;
        if self.logins.is_facebook(callback.ask.server) {
            facebook::finish(&self.client, app, callback).await
        } else {
            let token_url = self.logins.own.endpoints.token_url.as_deref().unwrap_or(own::TOKEN);
            own::finish(&self.client, token_url, app, callback).await
        }
    }
}
