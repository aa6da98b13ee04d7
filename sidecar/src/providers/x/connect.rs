//! Connecting an account: OAuth 2 with PKCE, by the operator's app. X gives a code that is good for half a minute.

use std::time::SystemTime;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{X, session};
use crate::client::basic;
use crate::providers::oauth::{self, Pkce};
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Provider, Reach};
use crate::secrets::Session;

/// Where people are asked.
const AUTHORIZE: &str = "https://x.com/i/oauth2/authorize";
/// Nothing works without these.
const NEEDED: [&str; 3] = ["tweet.read", "tweet.write", "users.read"];
/// Images and videos, and that the account stays connected for more than two hours.
const USEFUL: [&str; 2] = ["media.write", "offline.access"];

#[derive(Serialize, Deserialize)]
struct Remembered {
    verifier: String,
}

#[async_trait]
impl Connect for X {
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        oauth::only_server(&self.servers(), named)
    }

    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        oauth::own_app(self.app.as_ref(), "x").map(Some)
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        let app = oauth::own_app(ask.app, "x")?;
        let pkce = Pkce::new()?;
        let endpoint = self.endpoints.authorize_url.as_deref().unwrap_or(AUTHORIZE);
        let authorize_url = oauth::address(
            endpoint,
            &[
                ("response_type", "code"),
                ("client_id", &app.client_id),
                ("redirect_uri", ask.redirect_uri),
                ("scope", &[&NEEDED[..], &USEFUL[..]].concat().join(" ")),
                ("state", ask.state.expose_secret()),
                ("code_challenge", &pkce.challenge),
                ("code_challenge_method", "S256"),
            ],
        )?;
        let kept = Kept::of(&Remembered { verifier: pkce.verifier.expose_secret().to_owned() })?;
        Ok(Begun { authorize_url, kept })
    }

    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let ask = &callback.ask;
        let app = oauth::own_app(ask.app, "x")?;
        let Remembered { verifier } = kept.read()?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", callback.code.expose_secret()),
            ("redirect_uri", ask.redirect_uri),
            ("code_verifier", &verifier),
        ];
        if app.client_secret.is_none() {
            form.push(("client_id", &app.client_id));
        }
        let request = oauth::form(&self.client, &format!("{}/2/oauth2/token", ask.server), &form);
        let request = match &app.client_secret {
            Some(secret) => basic(request, &app.client_id, secret),
            None => request,
        };
        let tokens = oauth::tokens(self.client.send(request).await)?;
        let session = Session::new(tokens.access_token, tokens.refresh_token.unwrap_or_default());
        let session = session::made(session, &tokens.expires_in, SystemTime::now());
        match self.granted(ask.server, &session, &tokens.scope).await {
            Ok((external_id, handle, missing)) => {
                Ok(vec![Granted { external_id, handle, base_url: ask.server.to_owned(), session, missing }])
            }
            Err(failure) => {
                self.revoke(ask.server, ask.app, &session, ask.reach).await;
                Err(failure)
            }
        }
    }

    /// The access token alone: with the refresh token, X would end all that the account has given to the app.
    async fn revoke(&self, server: &str, app: Option<&App>, session: &Session, _reach: Reach) {
        let Some(app) = app else { return };
        let mut form = vec![("token", session.access.expose_secret())];
        if app.client_secret.is_none() {
            form.push(("client_id", &app.client_id));
        }
        let request = oauth::form(&self.client, &format!("{server}/2/oauth2/revoke"), &form);
        let request = match &app.client_secret {
            Some(secret) => basic(request, &app.client_id, secret),
            None => request,
        };
        let _ = self.client.send(request).await;
    }
}

impl X {
    /// Whose tokens they are, and what was not granted.
    async fn granted(
        &self,
        server: &str,
        session: &Session,
        scope: &Value,
    ) -> Result<(String, String, Vec<String>), Failure> {
        let granted = oauth::granted(scope, &[&NEEDED[..], &USEFUL[..]].concat());
        let missing = oauth::missing(&granted, &NEEDED, &USEFUL, |given, wanted| given == wanted)?;
        let (external_id, handle) = session::whose(&self.server(server).with(session)).await?;
        Ok((external_id, handle, missing))
    }
}
