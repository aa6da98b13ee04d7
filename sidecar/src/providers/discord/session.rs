//! What an account is connected with: the address of a webhook, or a bot's token.

use crier_core::error_class::ErrorClass;
use crier_core::platform::discord::is_id;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::HOME;
use super::api::{Api, Id, Who, object};
use super::look::may_read;
use crate::providers::answer::Phase;
use crate::providers::{Failure, Login};
use crate::secrets::Session;

/// Other names of the one server.
const ALIASES: [&str; 4] =
    [HOME, "https://discordapp.com", "https://ptb.discord.com", "https://canary.discord.com"];
/// The most characters of a webhook's token.
const MAX_TOKEN: usize = 200;
/// Kinds of channels that take messages: of servers, of threads, of conversations.
const WITH_MESSAGES: [u64; 9] = [0, 1, 2, 3, 5, 10, 11, 12, 13];
/// A webhook that posts what it is sent, and not what another channel announces.
const INCOMING: u64 = 1;

/// What must not be shown of what was pasted.
pub(super) fn hidden(password: &SecretString) -> Vec<SecretString> {
    let text = password.expose_secret();
    match text.rsplit_once('/') {
        // whatever is behind the token is shown to nobody either
        Some(_) if is_address(text) => match text
            .split_once("/webhooks/")
            .and_then(|(_, at)| at.split_once('/'))
        {
            Some((_, token)) => vec![token.into(), token.split(['?', '/']).next().unwrap_or_default().into()],
            None => vec![text.into()],
        },
        _ => vec![text.into(), token_of(text).into()],
    }
}

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// Many paste it as it stands in a header.
fn token_of(text: &str) -> &str {
    text.strip_prefix("Bot ").unwrap_or(text).trim()
}

/// Finds out whose the secret is.
pub(super) async fn login(
    api: &Api<'_>,
    base_url: &str,
    handle: &str,
    secret: &SecretString,
) -> Result<Login, Failure> {
    let text = secret.expose_secret().trim();
    let handle = handle.trim().trim_start_matches(['@', '#']);
    let login = if is_address(text) {
        let (id, token) = webhook(base_url, text)?;
        by_webhook(api, handle, id, &token.into()).await?
    } else {
        by_bot(api, handle, &token_of(text).into()).await?
    };
    Ok(Login { base_url: base_url.to_owned(), ..login })
}

/// The id and the token of a webhook, from its address on this server.
fn webhook<'t>(base_url: &str, address: &'t str) -> Result<(&'t str, &'t str), Failure> {
    let wrong = |why: &str| Failure::new(ErrorClass::Config, why);
    let servers = ALIASES.into_iter().filter(|_| base_url == HOME).chain([base_url]);
    let path = servers.filter_map(|server| address.strip_prefix(server)?.strip_prefix("/api/")).next();
    let path = path.ok_or_else(|| wrong("the webhook's address is not one of Discord's server"))?;
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let mut parts: Vec<_> = path.split('/').collect();
    if parts.first().is_some_and(|first| {
        first.strip_prefix('v').is_some_and(|version| version.bytes().all(|b| b.is_ascii_digit()))
    }) {
        parts.remove(0);
    }
    let is_token = |token: &str| {
        (1..=MAX_TOKEN).contains(&token.len())
            && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    match parts[..] {
        ["webhooks", id, token] if is_id(id) && is_token(token) => Ok((id, token)),
        _ => Err(wrong("that is not the address of a webhook: https://discord.com/api/webhooks/ID/TOKEN")),
    }
}

#[derive(Deserialize)]
struct Webhook {
    id: Id,
    #[serde(rename = "type")]
    kind: u64,
    #[serde(default)]
    name: Value,
}

/// A webhook is called by its name or its id: everybody who has the address of another one could post there.
async fn by_webhook(api: &Api<'_>, handle: &str, id: &str, token: &SecretString) -> Result<Login, Failure> {
    let api = api.clone().with(Who::Webhook(id), token);
    let webhook: Webhook = object(Phase::Login, api.get("").await)?;
    if webhook.id.as_str() != id || webhook.kind != INCOMING {
        return Err(Failure::new(ErrorClass::Permission, "that is not a webhook that takes messages"));
    }
    let name = webhook.name.as_str().unwrap_or_default().trim();
    if handle != id && handle.to_lowercase() != name.to_lowercase() {
        let message = format!("the webhook is called {name:?} and has the id {id}, it is not {handle:?}");
        return Err(Failure::new(ErrorClass::Permission, message));
    }
    Ok(login_of(id.to_owned(), if name.is_empty() { id } else { name }, token))
}

#[derive(Deserialize)]
struct Bot {
    id: Id,
    #[serde(default)]
    bot: bool,
}

#[derive(Deserialize)]
struct Channel {
    id: Id,
    #[serde(rename = "type")]
    kind: u64,
    #[serde(default)]
    guild_id: Option<Id>,
}

/// A bot's account is one channel that it writes into. What it may not read it could not find again.
async fn by_bot(api: &Api<'_>, handle: &str, token: &SecretString) -> Result<Login, Failure> {
    let (guild, channel) = match handle.split_once('/') {
        Some((guild, channel)) => (Some(guild), channel),
        None => (None, handle),
    };
    if !is_id(channel) || !guild.is_none_or(is_id) {
        let message =
            "a bot's account is called by its channel: the channel's id, or server/channel, both ids";
        return Err(Failure::new(ErrorClass::Config, message));
    }
    // nobody's channel, as long as it is not known whose token it is
    let nobody = api.clone().with(Who::Bot { bot: "0", channel }, token);
    let bot: Bot = object(Phase::Login, nobody.get("users/@me").await)?;
    if !bot.bot {
        return Err(Failure::new(ErrorClass::Permission, "the token is not a bot's"));
    }
    let found: Channel = object(Phase::Login, nobody.get(&format!("channels/{channel}")).await)?;
    if found.id.as_str() != channel || guild.is_some() && guild != found.guild_id.as_ref().map(Id::as_str) {
        let message = "the channel is not one of that server";
        return Err(Failure::new(ErrorClass::Permission, message));
    }
    if !WITH_MESSAGES.contains(&found.kind) {
        let message = "the channel takes no messages of a bot; for a forum connect a webhook";
        return Err(Failure::new(ErrorClass::Unsupported, message));
    }
    may_read(&nobody, channel, Phase::Login).await?;
    let handle = match &found.guild_id {
        Some(guild) => format!("{}/{channel}", guild.as_str()),
        None => channel.to_owned(),
    };
    Ok(login_of(format!("{}/{channel}", bot.id.as_str()), &handle, token))
}

fn login_of(external_id: String, handle: &str, token: &SecretString) -> Login {
    let session = Session::new(token.clone(), SecretString::default());
    Login { external_id, handle: handle.to_owned(), base_url: String::new(), session }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhooks_address_is_one_of_its_server() {
        let here = "http://127.0.0.1:1/discord";
        for (base_url, address) in [
            (HOME, "https://discord.com/api/webhooks/12/to-K_en"),
            (HOME, "https://canary.discord.com/api/v10/webhooks/12/to-K_en/"),
            (HOME, "https://discordapp.com/api/webhooks/12/to-K_en?wait=true"),
            (here, "http://127.0.0.1:1/discord/api/webhooks/12/to-K_en"),
        ] {
            assert_eq!(webhook(base_url, address), Ok(("12", "to-K_en")), "{address}");
        }
        for (base_url, address) in [
            (HOME, "https://discord.com.evil.example/api/webhooks/12/token"),
            (HOME, "https://evil.example/api/webhooks/12/token"),
            (HOME, "http://discord.com/api/webhooks/12/token"),
            (here, "https://discord.com/api/webhooks/12/token"),
            (HOME, "https://discord.com/api/webhooks/12"),
            (HOME, "https://discord.com/api/webhooks/12/token/slack"),
            (HOME, "https://discord.com/api/webhooks/../token"),
            (HOME, "https://discord.com/api/webhooks/12/to%2fken"),
            (HOME, "https://discord.com/webhooks/12/token"),
        ] {
            assert_eq!(webhook(base_url, address).unwrap_err().class, ErrorClass::Config, "{address}");
        }
    }

    #[test]
    fn of_an_address_only_the_token_is_hidden() {
        let of = |text: &str| -> Vec<_> {
            hidden(&text.into()).iter().map(|part| part.expose_secret().to_owned()).collect()
        };
        assert_eq!(of("https://discord.com/api/webhooks/12/token"), ["token", "token"]);
        assert_eq!(of("https://discord.com/api/webhooks/12/token/x?y"), ["token/x?y", "token"]);
        assert_eq!(of("Bot abc"), ["Bot abc", "abc"]);
        assert_eq!(of("https://a.example/b"), ["https://a.example/b"]);
    }
}
