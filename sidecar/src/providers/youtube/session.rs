//! Sessions: tokens of a Google account, for the one channel that its owner chose.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use secrecy::SecretString;
use serde::Deserialize;

use super::api::Api;
use super::classify::read;
use super::connect::FLOW;
use crate::providers::answer::Phase;
use crate::providers::failure::clean;
use crate::providers::{Failure, Login};

/// The most characters of a channel's name.
const MAX_HANDLE: usize = 100;

#[derive(Deserialize)]
struct Channels {
    #[serde(default)]
    items: Vec<Channel>,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    #[serde(default)]
    snippet: Snippet,
    #[serde(default, rename = "contentDetails")]
    content: Content,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snippet {
    #[serde(default)]
    custom_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    related_playlists: Playlists,
}

#[derive(Default, Deserialize)]
struct Playlists {
    #[serde(default)]
    uploads: Option<String>,
}

/// Ids of channels and playlists go into addresses.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
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
        let message = format!("the access token is of @{name}");
        return Err(Failure::new(ErrorClass::Config, message));
    }
    Ok(Login { external_id, handle: name, base_url: base_url.to_owned(), session })
}

/// The id and the name of the channel that the session is of.
pub(super) async fn whose(server: &Api<'_>) -> Result<(String, String), Failure> {
    let channel = own_channel(server, Phase::Login).await?;
    let name = channel.snippet.custom_url.map(|name| clean(name.trim_start_matches('@'), MAX_HANDLE));
    // one that never chose a name has none
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| channel.id.clone());
    Ok((channel.id, name))
}

/// The list of everything that the account has put up.
pub(super) async fn uploads(server: &Api<'_>) -> Result<String, Failure> {
    let channel = own_channel(server, Phase::Read).await?;
    let list = channel.content.related_playlists.uploads.filter(|list| is_id(list));
    list.ok_or_else(|| Failure::new(ErrorClass::Transient, "the channel names no list of its uploads"))
}

async fn own_channel(server: &Api<'_>, phase: Phase) -> Result<Channel, Failure> {
    let answer = server.get("channels", &[("part", "snippet,contentDetails"), ("mine", "true")]).await;
    let channels: Channels = read(phase, answer)?;
    let channel = channels.items.into_iter().next();
    let channel =
        channel.ok_or_else(|| Failure::new(ErrorClass::Permission, "the Google account has no channel"))?;
    if !is_id(&channel.id) {
        return Err(Failure::new(ErrorClass::Transient, "the answer names no channel"));
    }
    Ok(channel)
}
