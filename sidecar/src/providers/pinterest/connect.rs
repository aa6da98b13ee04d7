//! Connecting an account: OAuth 2 by the operator's app, without PKCE, which Pinterest has not.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;

use super::Pinterest;
use super::api::read;
use super::classify::failure;
use crate::client::{Answer, CallError};
use crate::providers::answer::{Fields, Phase};
use crate::providers::code_flow::{CodeFlow, Exchanged, Renewed, Says};
use crate::providers::oauth;
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Provider, Reach};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Every renewal gives a refresh token for another sixty days.
pub(super) const FLOW: CodeFlow = CodeFlow {
    platform: "pinterest",
    authorize_url: "https://www.pinterest.com/oauth/",
    token_url: "v5/oauth/token",
    says: Says::Basic,
    client_id: "client_id",
    pkce: false,
    separator: ",",
    needed: &["boards:read", "boards:write", "pins:read", "pins:write", "user_accounts:read"],
    useful: &[],
    more: &[],
    life: DAY.saturating_mul(30),
    longest: DAY.saturating_mul(60),
};

/// Apps that are older than September 2025 have to ask for such a refresh token.
const CONTINUOUS: (&str, &str) = ("continuous_refresh", "true");

/// What a renewal gives.
pub(super) fn renewed(answer: Result<Answer, CallError>) -> Result<Fields<Renewed>, Failure> {
    read(Phase::Refresh, answer).map(Fields)
}

/// What a code gives. Where it is refused in Pinterest's words, they are read as those about a refresh token.
fn exchanged(answer: Result<Answer, CallError>) -> Result<Renewed, Failure> {
    match answer {
        Ok(answer) if (400..404).contains(&answer.status) => {
            let failure = failure(Phase::Refresh, &answer, SystemTime::now());
            let is_told = failure.class == ErrorClass::AuthRevoked;
            if is_told { Err(failure) } else { oauth::answered(Ok(answer)) }
        }
        answer => oauth::answered(answer),
    }
}

#[async_trait]
impl Connect for Pinterest {
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        oauth::only_server(&self.servers(), named)
    }

    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        oauth::own_app(self.app.as_ref(), "pinterest").map(Some)
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        FLOW.begin(&self.endpoints, ask)
    }

    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let told = (kept, callback);
        let Exchanged { session, granted } =
            FLOW.exchange_with(&self.client, &self.endpoints, told, &[CONTINUOUS], exchanged).await?;
        let missing = FLOW.missing(&granted)?;
        let server = callback.ask.server;
        let (external_id, handle) = self.server(server).with(&session).whose().await?;
        Ok(vec![Granted { external_id, handle, base_url: server.to_owned(), session, missing }])
    }
}
