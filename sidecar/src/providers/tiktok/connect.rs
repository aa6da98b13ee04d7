//! Connecting an account: TikTok's login, by the operator's app. Programs with a secret need no PKCE there.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use secrecy::SecretString;
use serde::Deserialize;

use super::TikTok;
use super::api::Api;
use super::classify::{exchanged, read};
use super::creator::Creator;
use crate::providers::answer::Phase;
use crate::providers::code_flow::{CodeFlow, Exchanged, Says, concluded};
use crate::providers::oauth;
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Login, Provider, Reach};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A refresh token is good once. Drafts need `video.upload`; looking for photos, and figures, `video.list`.
pub(super) const FLOW: CodeFlow = CodeFlow {
    platform: "tiktok",
    authorize_url: "https://www.tiktok.com/v2/auth/authorize/",
    token_url: "v2/oauth/token/",
    says: Says::Form,
    client_id: "client_key",
    pkce: false,
    separator: ",",
    needed: &["user.info.basic", "video.publish"],
    useful: &["video.upload", "video.list"],
    more: &[],
    life: HOUR.saturating_mul(2),
    longest: HOUR.saturating_mul(24),
};

#[derive(Deserialize)]
struct Info {
    user: User,
}

#[derive(Deserialize)]
struct User {
    open_id: String,
}

/// The id and the name of the account that the session is of. The name is in the addresses of its posts.
pub(super) async fn whose(api: &Api<'_>) -> Result<(String, String), Failure> {
    let answer = api.get("user/info", &[("fields", "open_id")]).await;
    let Info { user: User { open_id } } = read(Phase::Login, answer)?;
    let creator = Creator::ask(api, Phase::Login).await?;
    let is_id = (1..=100).contains(&open_id.len()) && open_id.bytes().all(|b| b.is_ascii_graphic());
    match creator.username() {
        Some(name) if is_id => Ok((open_id, name.to_owned())),
        _ => Err(Failure::new(ErrorClass::Transient, "the answer names no account")),
    }
}

/// Finds out whose tokens these are.
pub(super) async fn login(
    server: &Api<'_>,
    base_url: &str,
    handle: &str,
    secret: &SecretString,
) -> Result<Login, Failure> {
    let session = FLOW.pasted(secret, SystemTime::now());
    let (external_id, name) = whose(&server.with(&session)).await?;
    let asked = handle.trim_start_matches('@');
    if !name.eq_ignore_ascii_case(asked) && external_id != asked {
        return Err(Failure::new(ErrorClass::Config, format!("the access token is of @{name}")));
    }
    Ok(Login { external_id, handle: name, base_url: base_url.to_owned(), session })
}

#[async_trait]
impl Connect for TikTok {
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        oauth::only_server(&self.servers(), named)
    }

    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        oauth::own_app(self.app.as_ref(), "tiktok").map(Some)
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        FLOW.begin(&self.endpoints, ask)
    }

    /// What is not used is not revoked: TikTok takes that for the end of all that the account has given to the app.
    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let told = (kept, callback);
        let Exchanged { session, granted } =
            FLOW.exchange_with(&self.client, &self.endpoints, told, &[], exchanged).await?;
        let ask = &callback.ask;
        let known = async {
            let missing = FLOW.missing(&granted)?;
            whose(&self.server(ask.server).with(&session)).await.map(|(id, handle)| (id, handle, missing))
        }
        .await;
        concluded(self, ask, session, known).await
    }
}
