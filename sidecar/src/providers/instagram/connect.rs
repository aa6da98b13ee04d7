//! Connecting an account, by either login: Instagram's own gives one account; Facebook's gives those of all the pages that the
//! person lets the app see, to choose from. Meta takes no PKCE here: the state and the app's secret are what there is.

mod facebook;
mod own;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Instagram;
use crate::providers::graph::has_code;
use crate::providers::oauth;
use crate::providers::{
    App, Apps, Ask, Begun, Callback, Connect, Endpoints, Failure, Granted, Kept, Reach, UNKNOWN_APP,
};

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

    /// The one of Instagram's own login first.
    pub(super) fn servers(&self) -> Vec<&str> {
        vec![self.own_server(), self.facebook_server()]
    }

    fn is_facebook(&self, server: &str) -> bool {
        server == self.facebook_server()
    }
}

/// What the refusal of a code means. The API says of most that a parameter is wrong; the host of Instagram's own login has
/// another shape for its errors, without numbers.
fn of_exchange(failure: Failure) -> Failure {
    let refused = |class, code: &str| Failure { class, code: Some(code.to_owned()), ..failure.clone() };
    match failure.status {
        // Not an app, or not its secret.
        _ if has_code(&failure, 101) || failure.message.contains("client secret") => {
            refused(ErrorClass::Config, UNKNOWN_APP)
        }
        _ if has_code(&failure, 100) => Failure { class: ErrorClass::AuthRevoked, ..failure },
        Some(400) if failure.code.is_none() => Failure { class: ErrorClass::AuthRevoked, ..failure },
        _ => failure,
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
        oauth::only_server(&self.logins.servers(), named)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::Phase;
    use crate::providers::answer::fixtures::{answer, now};
    use crate::providers::instagram::classify::failure;

    #[test]
    fn refusals_of_a_code_have_their_classes() {
        for (body, class, code) in [
            (
                r#"{"error":{"code":100,"error_subcode":36009,"message":"x"}}"#,
                ErrorClass::AuthRevoked,
                Some("100/36009"),
            ),
            (r#"{"error":{"code":101,"message":"x"}}"#, ErrorClass::Config, Some(UNKNOWN_APP)),
            (
                r#"{"error":{"code":1,"message":"Error validating client secret."}}"#,
                ErrorClass::Config,
                Some(UNKNOWN_APP),
            ),
            (r#"{"error":{"code":2,"message":"x"}}"#, ErrorClass::Transient, Some("2")),
            (
                r#"{"error_type":"OAuthException","code":400,"error_message":"Invalid code"}"#,
                ErrorClass::AuthRevoked,
                None,
            ),
        ] {
            let found = of_exchange(failure(Phase::Login, &answer(400, &[], body), now()));
            assert_eq!((found.class, found.code.as_deref()), (class, code), "{body}");
        }
    }
}
