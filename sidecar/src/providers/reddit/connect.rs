//! Connecting an account: OAuth 2 by the operator's app, which says who it is by HTTP Basic. There is no PKCE.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use serde::Deserialize;
use serde_json::Value;

use super::Reddit;
use super::classify::until;
use crate::client::{Answer, CallError};
use crate::providers::answer::{self, Fields, Phase};
use crate::providers::code_flow::{CodeFlow, Exchanged, Renewed, Says, concluded};
use crate::providers::oauth;
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Provider, Reach};
use crate::secrets::Session;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Without `permanent` there is no refresh token. With it there is one, which stays good until it is taken back.
pub(super) const FLOW: CodeFlow = CodeFlow {
    platform: "reddit",
    authorize_url: "https://www.reddit.com/api/v1/authorize",
    token_url: "https://www.reddit.com/api/v1/access_token",
    says: Says::Basic,
    client_id: "client_id",
    pkce: false,
    separator: " ",
    needed: &["identity", "submit", "history"],
    useful: &["read", "edit", "flair"],
    more: &[("duration", "permanent")],
    // it was an hour for long, and is a day now
    life: HOUR,
    longest: HOUR.saturating_mul(24),
};

/// What an answer calls its error. Nothing else of it is read: it may hold tokens.
#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    error: Value,
}

impl Said {
    fn of(answer: &Answer) -> Self {
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }
}

/// The token endpoint names its errors with any status, also with 200.
fn without_success(answer: Answer) -> Answer {
    let Said { error } = Said::of(&answer);
    let is_error = answer.status == 200 && (error.is_string() || error.is_u64());
    let status = if is_error { 400 } else { answer.status };
    Answer { status, ..answer }
}

/// What a renewal gives.
pub(super) fn renewed(answer: Result<Answer, CallError>) -> Result<Fields<Renewed>, Failure> {
    answer::read(Phase::Refresh, answer.map(without_success), |_, answer, now| not_renewed(answer, now))
}

/// Reddit has a word for a refresh token that is not good, and another for one that it can't read: both come as a bad request, and
/// nothing else in such a request can be bad.
pub(super) fn not_renewed(answer: &Answer, now: SystemTime) -> Failure {
    let failure = oauth::not_renewed(answer, now);
    let Said { error } = Said::of(answer);
    let is_bad = error == "invalid_grant" || error == "invalid_request" || error == 400;
    match answer.status {
        200 | 400 if is_bad => Failure { class: ErrorClass::AuthRevoked, ..failure },
        401 if error == 401 => Failure { class: ErrorClass::Config, ..failure },
        429 => Failure { retry_at: Some(until(answer, now)), ..failure },
        _ => failure,
    }
}

/// What a code gives.
fn exchanged(answer: Result<Answer, CallError>) -> Result<Renewed, Failure> {
    oauth::answered(answer.map(without_success))
}

#[async_trait]
impl Connect for Reddit {
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        oauth::only_server(&self.servers(), named)
    }

    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        oauth::own_app(self.app.as_ref(), "reddit").map(Some)
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        FLOW.begin(&self.endpoints, ask)
    }

    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let told = (kept, callback);
        let Exchanged { session, granted } =
            FLOW.exchange_with(&self.client, &self.endpoints, told, &[], exchanged).await?;
        let ask = &callback.ask;
        let known = async {
            let missing = FLOW.missing(&granted)?;
            let (id, handle) = self.server(ask.server).with(&session).whose().await?;
            Ok((id, handle, missing))
        }
        .await;
        concluded(self, ask, session, known).await
    }

    /// Each login has a refresh token of its own: what another workspace has of the account stays.
    async fn revoke(&self, _server: &str, app: Option<&App>, session: &Session, _reach: Reach) {
        let sells = self.endpoints.token_url.as_deref().unwrap_or(FLOW.token_url);
        let Some(base) = sells.strip_suffix("access_token") else { return };
        FLOW.revoke(&self.client, &format!("{base}revoke_token"), app, &session.refresh).await;
    }
}
