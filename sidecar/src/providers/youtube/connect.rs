//! Connecting a channel: Google's OAuth 2, by the operator's app. A refresh token comes only where it is asked for with consent.

use std::time::Duration;

use async_trait::async_trait;

use super::YouTube;
use super::session::whose;
use crate::providers::code_flow::{CodeFlow, Exchanged, Says};
use crate::providers::oauth;
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Provider, Reach};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Comments, and taking videos back, need `youtube.force-ssl`. A refresh token stays good.
pub(super) const FLOW: CodeFlow = CodeFlow {
    platform: "youtube",
    authorize_url: "https://accounts.google.com/o/oauth2/v2/auth",
    token_url: "https://oauth2.googleapis.com/token",
    says: Says::Form,
    client_id: "client_id",
    pkce: true,
    separator: " ",
    needed: &[
        "https://www.googleapis.com/auth/youtube.upload",
        "https://www.googleapis.com/auth/youtube.readonly",
    ],
    useful: &["https://www.googleapis.com/auth/youtube.force-ssl"],
    more: &[("access_type", "offline"), ("prompt", "consent")],
    life: HOUR,
    longest: HOUR.saturating_mul(24),
};

#[async_trait]
impl Connect for YouTube {
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        oauth::only_server(&self.servers(), named)
    }

    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        oauth::own_app(self.app.as_ref(), "youtube").map(Some)
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        FLOW.begin(&self.endpoints, ask)
    }

    /// What is not used is not revoked: that would end all that the account has given to the app.
    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let Exchanged { session, granted } =
            FLOW.exchange(&self.client, &self.endpoints, kept, callback).await?;
        let missing = FLOW.missing(&granted)?;
        let server = callback.ask.server;
        let (external_id, handle) = whose(&self.server(server).with(&session)).await?;
        Ok(vec![Granted { external_id, handle, base_url: server.to_owned(), session, missing }])
    }
}
