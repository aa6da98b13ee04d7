//! A simulated Discord, version 10 of its API: webhooks, and bots that write into a channel each. Written from the documentation.
//!
//! What surprises clients is here too: who may not read a channel's history is shown an empty channel, the nonce of a message is
//! told to who sent it and to nobody who reads, and a text loses its blanks at the ends.

mod answer;
mod message;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::kit::{Common, Rules, Service};
use super::{Refusal, form};
use crate::serve;
use answer::{MISSING_PERMISSIONS, NO_SUCH_PATH, Refused, UNAUTHORIZED, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE};
use answer::{UNKNOWN_WEBHOOK, WRONG_TOKEN};
use message::{Draft, Sender};

/// The server that all channels are of.
const GUILD: &str = "1";
/// The channel of every webhook.
const CHANNEL: &str = "22";

/// The simulated server.
pub struct Discord {
    /// How long a nonce is remembered.
    nonces: Duration,
    /// Which nonces were used: nonce, author, message, when.
    used: Vec<(String, String, String, SystemTime)>,
    /// Whether bots may read what was written before.
    history: bool,
    /// Whether the webhooks' channel is a forum.
    forum: bool,
    /// Whether the webhooks were deleted.
    gone: bool,
    /// How many people were notified.
    pings: u64,
    /// The last id that was given.
    last_id: u64,
}

impl Default for Discord {
    fn default() -> Self {
        let nonces = Duration::from_secs(3 * 60);
        Self { nonces, used: vec![], history: true, forum: false, gone: false, pings: 0, last_id: 0 }
    }
}

/// Who calls.
enum Caller {
    Bot { account: String, bot: String },
    Webhook { account: String },
}

impl Discord {
    /// A new id, which tells the time.
    fn next_id(&mut self) -> String {
        const EPOCH: u128 = 1_420_070_400_000;
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let now = u64::try_from(millis.saturating_sub(EPOCH)).unwrap_or(0) << 22;
        self.last_id = now.max(self.last_id + 1);
        self.last_id.to_string()
    }

    fn caller(
        &self,
        common: &Common,
        segments: &[&str],
        request: &Request<Bytes>,
    ) -> Result<Caller, Refused> {
        if let ["webhooks", id, token, ..] = segments {
            if self.gone || common.accounts.handle_of(id).is_empty() {
                return Err(UNKNOWN_WEBHOOK);
            }
            let account = common.login.account(&format!("{id}/{token}")).ok_or(WRONG_TOKEN)?;
            return Ok(Caller::Webhook { account: account.to_owned() });
        }
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bot ")).ok_or(UNAUTHORIZED)?;
        let account = common.login.account(token).ok_or(UNAUTHORIZED)?;
        let (bot, _) = account.split_once('/').ok_or(UNAUTHORIZED)?;
        Ok(Caller::Bot { account: account.to_owned(), bot: bot.to_owned() })
    }

    /// The channel that a path names, if it is the account's.
    fn channel<'p>(common: &Common, account: &str, segments: &[&'p str]) -> Result<&'p str, Refused> {
        let named = segments.get(1).copied().unwrap_or_default();
        let own = account.split_once('/').map(|(_, channel)| channel);
        let is_known = common.accounts.id_of(&format!("{GUILD}/{named}")).is_some();
        match own == Some(named) {
            true => Ok(named),
            false if is_known => Err(MISSING_PERMISSIONS),
            false => Err(UNKNOWN_CHANNEL),
        }
    }

    fn create(
        &mut self,
        common: &mut Common,
        caller: &Caller,
        place: (&str, Option<&str>),
        request: &Request<Bytes>,
    ) -> Result<Value, Refused> {
        let draft = Draft::read(request)?;
        let (channel, thread) = place;
        let (account, sender) = match caller {
            Caller::Bot { account, bot } => (account, Sender::Bot(bot)),
            Caller::Webhook { account } => (account, Sender::Webhook(account)),
        };
        let author = sender.id().to_owned();
        if let Some(nonce) = draft.enforced() {
            let is_known = |(used, by, _, at): &&(String, String, String, SystemTime)| {
                used == nonce && *by == author && at.elapsed().is_ok_and(|since| since < self.nonces)
            };
            if let Some((_, _, id, _)) = self.used.iter().find(is_known)
                && let Some(post) = common.shelf.find(id)
            {
                return Ok(message::show(post, true));
            }
        }
        if let Some(answered) = draft.answers() {
            common
                .shelf
                .find(answered)
                .filter(|post| post.more["channel_id"] == channel)
                .ok_or(answer::NO_REPLY)?;
        }
        let id = self.next_id();
        let channel =
            match (self.forum && matches!(caller, Caller::Webhook { .. }), thread, draft.thread_name()) {
                (_, Some(thread), None) => thread.to_owned(),
                (true, None, Some(_)) => id.clone(),
                (true, None, None) => return Err(answer::FORUM_WITHOUT_THREAD),
                (false, None, None) => channel.to_owned(),
                _ => return Err(answer::NO_FORUM),
            };
        self.pings += draft.pings();
        if let Some(nonce) = draft.nonce() {
            self.used.push((nonce.to_owned(), author, id.clone(), SystemTime::now()));
        }
        let handle = common.accounts.handle_of(account).to_owned();
        let post = draft.post(&sender, (id, channel, GUILD), account.clone(), handle);
        Ok(message::show(&common.shelf.publish(post), true))
    }

    fn answer_to(
        &mut self,
        common: &mut Common,
        call: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Refused> {
        let ok = |body: &Value| serve::json(StatusCode::OK, body);
        let segments = segments(path);
        if call == "gateway" {
            return Ok(ok(&json!({"url": "wss://gateway.discord.gg"})));
        }
        let caller = self.caller(common, &segments, request)?;
        let query = form::pairs(request.uri().query().unwrap_or_default());
        let asked =
            |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        match (&caller, call) {
            (Caller::Bot { bot, .. }, "users.me") => {
                Ok(ok(&json!({"id": bot, "username": "crier", "bot": true})))
            }
            (Caller::Bot { account, .. }, "channels.get") => {
                let channel = Self::channel(common, account, &segments)?;
                Ok(ok(&json!({"id": channel, "type": 0, "guild_id": GUILD, "name": "news"})))
            }
            (Caller::Bot { account, .. }, "messages.list") => {
                let channel = Self::channel(common, account, &segments)?;
                let limit = asked("limit").and_then(|limit| limit.parse().ok()).unwrap_or(50).min(100);
                let before = asked("before").and_then(|id| id.parse().ok()).unwrap_or(u64::MAX);
                let is_here = |post: &&super::kit::Post| {
                    post.more["channel_id"] == channel && post.id.parse::<u64>().is_ok_and(|id| id < before)
                };
                let found = common.shelf.newest().filter(is_here).take(limit).filter(|_| self.history);
                Ok(ok(&Value::from(found.map(|post| message::show(post, false)).collect::<Vec<_>>())))
            }
            (Caller::Bot { account, .. }, "messages.create") => {
                let channel = Self::channel(common, account, &segments)?.to_owned();
                self.create(common, &caller, (&channel, None), request).map(|body| ok(&body))
            }
            (Caller::Bot { account, .. }, "messages.get" | "messages.delete" | "reactions.add") => {
                Self::channel(common, account, &segments)?;
                if !self.history && call != "messages.delete" {
                    return Err(MISSING_PERMISSIONS);
                }
                act(common, call, segments.get(3).copied().unwrap_or_default())
            }
            (Caller::Webhook { account }, "webhooks.get") => {
                let name = common.accounts.handle_of(account);
                let shown = json!({"id": account, "type": 1, "name": name, "guild_id": GUILD, "channel_id": CHANNEL,
                                   "application_id": null, "avatar": null});
                Ok(ok(&shown))
            }
            (Caller::Webhook { .. }, "webhooks.execute") => {
                let made = self.create(common, &caller, (CHANNEL, asked("thread_id")), request)?;
                // without being asked to, it doesn't wait until the message is there
                if asked("wait") == Some("true") { Ok(ok(&made)) } else { Ok(empty()) }
            }
            (Caller::Webhook { account }, "webhooks.message" | "webhooks.delete") => {
                let id = segments.get(4).copied().unwrap_or_default();
                let post =
                    common.shelf.find(id).filter(|post| post.account == *account).ok_or(UNKNOWN_MESSAGE)?;
                if post.more["channel_id"] != asked("thread_id").unwrap_or(CHANNEL) {
                    return Err(UNKNOWN_MESSAGE);
                }
                act(common, call, id)
            }
            _ => Err(NO_SUCH_PATH),
        }
    }
}

/// What is done with one message.
fn act(common: &mut Common, call: &str, id: &str) -> Result<Response<Bytes>, Refused> {
    match call {
        "messages.delete" | "webhooks.delete" => {
            if common.shelf.remove(id) {
                Ok(empty())
            } else {
                Err(UNKNOWN_MESSAGE)
            }
        }
        "reactions.add" => {
            let post = common.shelf.find_mut(id).ok_or(UNKNOWN_MESSAGE)?;
            post.more["reactions"] = json!([{"count": 1, "me": true, "emoji": {"id": null, "name": "👍"}}]);
            Ok(empty())
        }
        _ => {
            let post = common.shelf.read(id).ok_or(UNKNOWN_MESSAGE)?;
            Ok(serve::json(StatusCode::OK, &message::show(post, false)))
        }
    }
}

fn empty() -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// The parts of a path behind `api/v10/`.
fn segments(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("api/v10/").unwrap_or_default();
    path.split('/').collect()
}

impl Service for Discord {
    const NAME: &'static str = "discord";
    const RULES: Rules = Rules::PASTED;

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        match (method.as_str(), segments(path).as_slice()) {
            ("GET", ["gateway"]) => "gateway",
            ("GET", ["users", "@me"]) => "users.me",
            ("GET", ["channels", _]) => "channels.get",
            ("GET", ["channels", _, "messages"]) => "messages.list",
            ("POST", ["channels", _, "messages"]) => "messages.create",
            ("GET", ["channels", _, "messages", _]) => "messages.get",
            ("DELETE", ["channels", _, "messages", _]) => "messages.delete",
            ("PUT", ["channels", _, "messages", _, "reactions", _, "@me"]) => "reactions.add",
            ("GET", ["webhooks", _, _]) => "webhooks.get",
            ("POST", ["webhooks", _, _]) => "webhooks.execute",
            ("GET", ["webhooks", _, _, "messages", _]) => "webhooks.message",
            ("DELETE", ["webhooks", _, _, "messages", _]) => "webhooks.delete",
            _ => path,
        }
    }

    fn answer(
        &mut self,
        common: &mut Common,
        call: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        self.answer_to(common, call, path, request).unwrap_or_else(Refused::answer)
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal {
            Refusal::RateLimited(wait) => limited(wait),
            Refusal::Unauthorized | Refusal::ExpiredToken => UNAUTHORIZED.answer(),
            Refusal::Odd => serve::json(StatusCode::UNAUTHORIZED, &json!({"message": 7, "code": []})),
            Refusal::Nul => Refused(StatusCode::BAD_REQUEST, 50_035, "before\0after\u{1b}[2J").answer(),
            // such answers it has none
            Refusal::ServerError | Refusal::InSuccess => {
                Refused(StatusCode::INTERNAL_SERVER_ERROR, 0, "500: Internal Server Error").answer()
            }
        }
    }

    /// A webhook is known by its id. A bot's account is a channel, called `1/channel`.
    fn id_of(&self, handle: &str, secret: &str) -> Result<String, String> {
        match (secret.rsplit_once("/webhooks/"), handle.split_once('/')) {
            (Some((_, id)), _) => Ok(id.split('/').next().unwrap_or_default().to_owned()),
            (None, Some((GUILD, channel))) => Ok(format!("7{channel}/{channel}")),
            _ => Err(format!("a bot's account is called {GUILD}/ and a number")),
        }
    }

    fn token_of<'a>(&self, secret: &'a str) -> &'a str {
        secret.rsplit_once("/webhooks/").map_or(secret, |(_, token)| token)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let yes = || value.as_bool().ok_or(format!("{name} must be true or false"));
        match name {
            "nonce_seconds" => self.nonces = Duration::from_secs(value.as_u64().ok_or("no number")?),
            "history" => self.history = yes()?,
            "forum" => self.forum = yes()?,
            "gone" => self.gone = yes()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn figures(&self) -> Value {
        json!({"pings": self.pings})
    }
}

/// In seconds with a point; the header has whole ones.
fn limited(wait: Duration) -> Response<Bytes> {
    let seconds = wait.as_secs_f64();
    let body = json!({"message": "You are being rate limited.", "retry_after": seconds, "global": false});
    let mut answer = serve::json(StatusCode::TOO_MANY_REQUESTS, &body);
    let headers = answer.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil() as u64));
    headers.insert("x-ratelimit-limit", HeaderValue::from(5));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(0));
    headers.insert("x-ratelimit-scope", HeaderValue::from_static("user"));
    if let Ok(value) = HeaderValue::from_str(&format!("{seconds:.3}")) {
        headers.insert("x-ratelimit-reset-after", value);
    }
    answer
}
