//! Connecting an account by MiAuth: the app chooses the name of a session, the person says yes to it on the server's page, and who
//! names the session then gets its token, once. No app is registered.

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{Api, Me, read};
use super::{LARGEST, Misskey};
use crate::providers::answer::{Fields, Phase};
use crate::providers::{Ask, Begun, Callback, Connect, Failure, Granted, Kept, Reach, federated, oauth};
use crate::secrets::Session;
use crate::secrets::unguessable::unguessable;

/// As people see it where they are asked.
const NAME: &str = "Crier";
/// Given as a whole or not at all.
const PERMISSIONS: &str = "read:account,write:notes,write:drive,write:reactions,write:following";

#[derive(Serialize, Deserialize)]
struct Remembered {
    session: String,
}

#[derive(Deserialize)]
struct Checked {
    ok: bool,
    #[serde(default)]
    token: Option<SecretString>,
    #[serde(default)]
    user: Option<Me>,
}

#[async_trait]
impl Connect for Misskey {
    /// `https://a.example`, `a.example` or `@alice@a.example`.
    fn server(&self, named: Option<&str>, reach: Reach) -> Result<String, Failure> {
        federated::server(named, LARGEST, reach)
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        let random = |_| Failure::new(ErrorClass::Transient, "there are no random numbers for a login");
        let session = unguessable().map_err(random)?;
        // the server adds the session
        let callback = oauth::address(ask.redirect_uri, &[("state", ask.state.expose_secret())])?;
        let page = format!("{}/miauth/{session}", ask.server);
        let params = [("name", NAME), ("callback", callback.expose_secret()), ("permission", PERMISSIONS)];
        let authorize_url = oauth::address(&page, &params)?;
        Ok(Begun { authorize_url, kept: Kept::of(&Remembered { session })? })
    }

    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let ask = &callback.ask;
        let Remembered { session } = kept.read()?;
        let refused =
            || Failure::new(ErrorClass::AuthRevoked, "the server knows no such session, or it was used");
        if callback.code.expose_secret() != session {
            return Err(refused());
        }
        let client = self.client.within(ask.reach);
        let api = Api::new(&client, ask.server, None);
        let answer = api.call(&format!("miauth/{session}/check"), &json!({})).await;
        let Fields(checked): Fields<Checked> = read(Phase::Login, answer)?;
        let Checked { ok: true, token: Some(token), user: Some(user) } = checked else {
            return Err(refused());
        };
        if token.expose_secret().is_empty() {
            return Err(Failure::new(ErrorClass::Transient, "the answer holds no token"));
        }
        let user = user.checked()?;
        let handle = user.handle(ask.server);
        Ok(vec![Granted {
            external_id: user.id,
            handle,
            base_url: ask.server.to_owned(),
            session: Session::new(token, SecretString::default()),
            missing: Vec::new(),
        }])
    }
}
