//! Connecting an account: OAuth 2 with PKCE, by the operator's app. X gives a code that is good for half a minute.

use std::time::Duration;

use async_trait::async_trait;

use super::X;
use super::session::whose;
use crate::providers::code_flow::{CodeFlow, Exchanged, Says, concluded};
use crate::providers::oauth;
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Provider, Reach};
use crate::secrets::Session;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A refresh token is good once. Images and videos need `media.write`; without `offline.access` an account is connected for two
/// hours.
pub(super) const FLOW: CodeFlow = CodeFlow {
    platform: "x",
    authorize_url: "https://x.com/i/oauth2/authorize",
    token_url: "2/oauth2/token",
    says: Says::Basic,
    client_id: "client_id",
    pkce: true,
    separator: " ",
    needed: &["tweet.read", "tweet.write", "users.read"],
    useful: &["media.write", "offline.access"],
    more: &[],
    life: HOUR.saturating_mul(2),
    longest: HOUR.saturating_mul(24),
};

#[async_trait]
impl Connect for X {
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        oauth::only_server(&self.servers(), named)
    }

    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        oauth::own_app(self.app.as_ref(), "x").map(Some)
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        FLOW.begin(&self.endpoints, ask)
    }

    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let Exchanged { session, granted } =
            FLOW.exchange(&self.client, &self.endpoints, kept, callback).await?;
        let ask = &callback.ask;
        let known = async {
            let missing = FLOW.missing(&granted)?;
            whose(&self.server(ask.server).with(&session)).await.map(|(id, handle)| (id, handle, missing))
        }
        .await;
        concluded(self, ask, session, known).await
    }

    /// The access token alone: with the refresh token, X would end all that the account has given to the app.
    async fn revoke(&self, server: &str, app: Option<&App>, session: &Session, _reach: Reach) {
        FLOW.revoke(&self.client, &format!("{server}/2/oauth2/revoke"), app, &session.access).await;
    }
}
