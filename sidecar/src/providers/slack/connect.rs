//! Connecting channels: OAuth 2 by the operator's app. The token that a workspace gives is its bot's, and each channel that the bot
//! is in is an account, to choose from.

use std::time::Duration;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::slack::is_id;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::Slack;
use super::api::{Api, NOBODY, object};
use super::session::{Bot, missing};
use crate::client::{Answer, CallError};
use crate::providers::answer::Phase;
use crate::providers::code_flow::{CodeFlow, Exchanged, Renewed, Says};
use crate::providers::failure::clean;
use crate::providers::oauth;
use crate::providers::{
    App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Provider, Reach, UNKNOWN_APP,
};
use crate::secrets::Session;

/// The most characters of a channel's name.
const MAX_NAME: usize = 80;
/// How many channels a page of the list has, and how many pages are read at most.
const PAGE: &str = "200";
const MAX_PAGES: usize = 5;
/// What private channels are listed and read by.
const PRIVATE: [&str; 2] = ["groups:read", "groups:history"];

/// A bot's token has no end. Without reading its channels nothing could be looked for.
pub(super) const FLOW: CodeFlow = CodeFlow {
    platform: "slack",
    authorize_url: "https://slack.com/oauth/v2/authorize",
    token_url: "api/oauth.v2.access",
    says: Says::Form,
    client_id: "client_id",
    pkce: false,
    separator: ",",
    needed: &["chat:write", "channels:read", "channels:history"],
    useful: &[PRIVATE[0], PRIVATE[1], "files:write", "files:read", "reactions:write", "reactions:read"],
    more: &[],
    life: Duration::ZERO,
    longest: Duration::ZERO,
};

/// What a code gives. Slack refuses in a success.
fn exchanged(answer: Result<Answer, CallError>) -> Result<Renewed, Failure> {
    object(Phase::Login, answer).map_err(|failure| match failure.code.as_deref() {
        Some("invalid_client_id" | "bad_client_secret") => {
            Failure { code: Some(UNKNOWN_APP.into()), ..failure }
        }
        _ => failure,
    })
}

/// A part of the list of channels.
#[derive(Deserialize)]
struct Listed {
    channels: Vec<Value>,
    #[serde(default)]
    response_metadata: Value,
}

/// The ids and the names of the channels that the bot is in and may read.
async fn channels(api: &Api<'_>, granted: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let sees_private = PRIVATE.iter().all(|scope| granted.iter().any(|given| given == scope));
    let types = if sees_private { "public_channel,private_channel" } else { "public_channel" };
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..MAX_PAGES {
        let mut params = vec![("types", types), ("exclude_archived", "true"), ("limit", PAGE)];
        if !cursor.is_empty() {
            params.push(("cursor", &cursor));
        }
        let Listed { channels, response_metadata } =
            object(Phase::Login, api.get("users.conversations", &params).await)?;
        found.extend(channels.iter().filter_map(channel));
        match response_metadata["next_cursor"].as_str().unwrap_or_default() {
            "" => break,
            next => cursor = next.to_owned(),
        }
    }
    Ok(found)
}

fn channel(shown: &Value) -> Option<(String, String)> {
    let id = shown["id"].as_str().filter(|id| is_id(id))?;
    let name = clean(shown["name"].as_str().unwrap_or_default(), MAX_NAME);
    Some((id.to_owned(), if name.is_empty() { id.to_owned() } else { format!("#{name}") }))
}

#[async_trait]
impl Connect for Slack {
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        // of webhooks there is no login
        oauth::only_server(&self.servers()[..1], named)
    }

    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        oauth::own_app(self.app.as_ref(), "slack").map(Some)
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        FLOW.begin(&self.endpoints, ask)
    }

    /// Nothing is taken back: a workspace has one token of the app, which its other channels may be connected by.
    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let told = (kept, callback);
        let Exchanged { session, granted } =
            FLOW.exchange_with(&self.client, &self.endpoints, told, &[], exchanged).await?;
        // Each channel would have a copy of a refresh token that is good once.
        if !session.refresh.expose_secret().is_empty() {
            let message =
                "the app's tokens rotate, and all channels of a workspace share one: turn token rotation off";
            return Err(Failure::new(ErrorClass::Config, message));
        }
        if let Some(scope) = missing(&granted.join(",")) {
            let message = format!("the workspace was connected without {scope}");
            return Err(Failure::new(ErrorClass::Permission, message));
        }
        let not_granted = FLOW.missing(&granted)?;
        let server = callback.ask.server;
        let api = Api::new(&self.client, server).with(NOBODY, &session.access);
        let Bot { team, user, .. } = Bot::of(&api).await?;
        let granted = channels(&api, &granted).await?.into_iter().map(|(channel, handle)| Granted {
            external_id: format!("{team}/{user}/{channel}"),
            handle,
            base_url: server.to_owned(),
            session: Session::new(session.access.clone(), SecretString::default()),
            missing: not_granted.clone(),
        });
        match granted.collect::<Vec<_>>() {
            none if none.is_empty() => {
                let message = "the bot is in no channel: invite it, and connect again";
                Err(Failure::new(ErrorClass::TargetMissing, message))
            }
            granted => Ok(granted),
        }
    }
}
