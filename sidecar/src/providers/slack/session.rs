//! What an account is connected with: a bot's token, or the address of an incoming webhook.

use crier_core::error_class::ErrorClass;
use crier_core::platform::slack::is_id;
use reqwest::header::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, NOBODY, Who, object};
use super::{HOME, HOOKS};
use crate::client::Client;
use crate::providers::answer::Phase;
use crate::providers::{Failure, Login};
use crate::secrets::Session;

const SCOPES: HeaderName = HeaderName::from_static("x-oauth-scopes");
/// The most characters of a webhook's token.
const MAX_TOKEN: usize = 100;

/// What must not be shown of what was pasted.
pub(super) fn hidden(password: &SecretString) -> Vec<SecretString> {
    let text = password.expose_secret();
    match text.split_once("/services/").map(|(_, path)| path.splitn(3, '/').collect::<Vec<_>>()) {
        Some(path) if path.len() == 3 => vec![path[2].into()],
        _ => vec![text.into()],
    }
}

/// Finds out whose the secret is.
pub(super) async fn login(
    client: &Client,
    base_url: &str,
    handle: &str,
    secret: &SecretString,
) -> Result<Login, Failure> {
    let text = secret.expose_secret().trim();
    let handle = handle.trim().trim_start_matches('#');
    if text.starts_with("https://") || text.starts_with("http://") {
        by_webhook(client, base_url, handle, text).await
    } else {
        by_bot(&Api::new(client, base_url), handle, &text.into()).await
    }
}

/// `team/service` and the token of a webhook, from its address on this server.
fn webhook<'t>(server: &str, address: &'t str) -> Result<(String, &'t str), Failure> {
    let wrong = |why: &str| Failure::new(ErrorClass::Config, why);
    let path = address.strip_prefix(server).and_then(|path| path.strip_prefix("/services/"));
    let path = path.ok_or_else(|| wrong("the webhook's address is not one of Slack's server"))?;
    let parts: Vec<_> = path.trim_end_matches('/').split('/').collect();
    let is_token = |token: &str| {
        (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    match parts[..] {
        [team, service, token] if is_id(team) && is_id(service) && is_token(token) => {
            Ok((format!("{team}/{service}"), token))
        }
        _ => Err(wrong("that is not the address of a webhook: https://hooks.slack.com/services/T…/B…/…")),
    }
}

/// A webhook says nothing of itself but that it is there: a message without a text is refused by one that works.
async fn by_webhook(client: &Client, base_url: &str, handle: &str, address: &str) -> Result<Login, Failure> {
    let server = if base_url == HOME { HOOKS } else { base_url };
    let (service, token) = webhook(server, address)?;
    if handle.is_empty() {
        return Err(Failure::new(ErrorClass::Config, "the account needs a name"));
    }
    let token = SecretString::from(token);
    let api = Api::new(client, server).with(Who::Webhook(&service), &token);
    match api.execute(Phase::Login, json!({ "text": "" }).to_string()).await {
        Err(failure) if failure.code.as_deref() == Some("no_text") => Ok(Login {
            external_id: service.clone(),
            handle: handle.to_owned(),
            base_url: server.to_owned(),
            session: Session::new(token.clone(), SecretString::default()),
        }),
        Err(failure) => Err(failure),
        Ok(()) => Err(Failure::new(ErrorClass::Config, "the webhook takes a message without a text")),
    }
}

#[derive(Deserialize)]
struct Me {
    team_id: String,
    user_id: String,
    #[serde(default)]
    bot_id: Value,
}

/// The bot that a token is of.
pub(super) struct Bot {
    pub(super) team: String,
    pub(super) user: String,
    /// The scopes, where Slack names them.
    scopes: Option<String>,
}

impl Bot {
    pub(super) async fn of(api: &Api<'_>) -> Result<Self, Failure> {
        let answer = api.post("auth.test", &json!({})).await;
        let scopes = answer.as_ref().ok().and_then(|answer| answer.header(&SCOPES)).map(str::to_owned);
        let me: Me = object(Phase::Login, answer)?;
        if !is_id(&me.team_id) || !is_id(&me.user_id) {
            return Err(Failure::new(ErrorClass::Transient, "the answer names no account"));
        }
        if !me.bot_id.is_string() {
            return Err(Failure::new(ErrorClass::Permission, "the token is not a bot's"));
        }
        Ok(Self { team: me.team_id, user: me.user_id, scopes })
    }
}

/// A bot's account is one channel that it writes into. What it may not read it could not find again.
async fn by_bot(api: &Api<'_>, channel: &str, token: &SecretString) -> Result<Login, Failure> {
    if !is_id(channel) {
        let message = "a bot's account is called by the id of its channel, such as C0123456789";
        return Err(Failure::new(ErrorClass::Config, message));
    }
    let api = api.with(NOBODY, token);
    let Bot { team, user, scopes } = Bot::of(&api).await?;
    if let Some(missing) = scopes.as_deref().and_then(missing) {
        let message = format!("the token lacks the scope {missing}");
        return Err(Failure::new(ErrorClass::Permission, message));
    }
    let params = [("channel", channel), ("limit", "1")];
    object::<Value>(Phase::Login, api.get("conversations.history", &params).await).map_err(|failure| {
        match failure.code.as_deref() {
            Some("not_in_channel") => {
                let message = "the bot is not in the channel: invite it, or nobody can find out there what became of a post";
                Failure { message: message.into(), class: ErrorClass::Permission, ..failure }
            }
            _ => failure,
        }
    })?;
    Ok(Login {
        external_id: format!("{team}/{user}/{channel}"),
        handle: channel.to_owned(),
        base_url: api.base_url.to_owned(),
        session: Session::new(token.clone(), SecretString::default()),
    })
}

/// The scope that a token lacks for what it can do: who may share files has to be able to see whether they are shared.
pub(super) fn missing(scopes: &str) -> Option<&'static str> {
    let has = |scope: &str| scopes.split(',').any(|one| one.trim() == scope);
    match () {
        () if !has("chat:write") => Some("chat:write"),
        () if has("files:write") && !has("files:read") => Some("files:read"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhooks_address_is_one_of_its_server() {
        let good = "https://hooks.slack.com/services/T012/B034/abcDEF123";
        assert_eq!(webhook(HOOKS, good), Ok(("T012/B034".to_owned(), "abcDEF123")));
        for bad in [
            "https://hooks.slack.com.evil.example/services/T012/B034/abc",
            "http://hooks.slack.com/services/T012/B034/abc",
            "https://hooks.slack.com/services/T012/B034",
            "https://hooks.slack.com/services/T012/B034/a/b",
            "https://hooks.slack.com/services/T012/../abc",
            "https://hooks.slack.com/services/T012/B034/a?b",
            "https://hooks.slack.com/workflows/T012/B034/abc",
        ] {
            assert_eq!(webhook(HOOKS, bad).unwrap_err().class, ErrorClass::Config, "{bad}");
        }
        let hidden: Vec<_> =
            hidden(&good.into()).iter().map(|part| part.expose_secret().to_owned()).collect();
        assert_eq!(hidden, ["abcDEF123"]);
    }

    #[test]
    fn who_shares_files_has_to_see_them() {
        assert_eq!(missing("chat:write,channels:history"), None);
        assert_eq!(missing("chat:write, files:write, files:read"), None);
        assert_eq!(missing("chat:write,files:write"), Some("files:read"));
        assert_eq!(missing("channels:history"), Some("chat:write"));
    }
}
