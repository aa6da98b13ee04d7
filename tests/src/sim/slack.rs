//! A simulated Slack: the Web API as bots use it, and incoming webhooks. Written from the documentation and from what clients report.
//!
//! What surprises clients is here too: what is wrong stands in a success, files are shown some time after they were completed, and
//! completing them a second time shows them a second time.

mod files;
mod read;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::kit::{Client, Common, NewPost, Rules, Service};
use super::{LoginPages, Refusal, form};
use crate::serve;
use files::Files;

/// The most characters of a text that is taken.
const MAX_TEXT: usize = 40_000;
/// The scopes of every bot, unless a test says otherwise.
const SCOPES: &str =
    "chat:write,channels:read,channels:history,files:write,files:read,reactions:write,reactions:read";

/// The simulated server.
pub struct Slack {
    files: Files,
    /// Whether bots are in their channels.
    member: bool,
    /// The channels that a bot is in besides its account's: they are listed, and that is all.
    channels: Vec<String>,
    /// Whether a login gives tokens that have to be renewed.
    rotates: bool,
    /// How many messages are listed at a time.
    page: usize,
    scopes: String,
    /// Whether webhooks were deleted.
    gone: bool,
    /// The last time that a message was given, in microseconds.
    last: u128,
}

impl Default for Slack {
    fn default() -> Self {
        let scopes = SCOPES.to_owned();
        let (files, channels) = (Files::default(), Vec::new());
        Self { files, member: true, channels, rotates: false, page: 100, scopes, gone: false, last: 0 }
    }
}

/// The name of an error.
type Refused = &'static str;

impl Slack {
    /// The time of a new message, which is its name.
    fn next_ts(&mut self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        self.last = now.max(self.last + 1);
        format!("{}.{:06}", self.last / 1_000_000, self.last % 1_000_000)
    }

    /// Makes a message. What tests look for is the text without Slack's escapes.
    fn publish(&mut self, common: &mut Common, account: &str, text: &str, more: Value) -> String {
        let ts = self.next_ts();
        let handle = common.accounts.handle_of(account).to_owned();
        let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let channel = more["channel"].as_str().unwrap_or("webhook").to_owned();
        common.shelf.publish(NewPost {
            uri: read::permalink(&channel, &ts, more["thread_ts"].as_str()),
            key: more["metadata"]["event_payload"]["key"].as_str().unwrap_or_default().to_owned(),
            reply_to: more["thread_ts"].as_str().map(str::to_owned),
            images: self.files.images(&more["files"]),
            id: ts.clone(),
            account: account.to_owned(),
            handle,
            text: plain,
            more,
        });
        ts
    }

    /// What a thread that is named must be: one that is there.
    fn thread(common: &Common, body: &Value) -> Result<Value, Refused> {
        match body["thread_ts"].as_str() {
            None => Ok(Value::Null),
            Some(ts) if common.shelf.find(ts).is_some_and(|post| post.more["thread_ts"].is_null()) => {
                Ok(json!(ts))
            }
            Some(_) => Err("thread_not_found"),
        }
    }

    fn post_message(&mut self, common: &mut Common, of: &Account, body: &Value) -> Result<Value, Refused> {
        if body["channel"] != of.channel {
            return Err("channel_not_found");
        }
        let text = body["text"].as_str().unwrap_or_default();
        if text.trim().is_empty() {
            return Err("no_text");
        }
        if text.chars().count() > MAX_TEXT {
            return Err("msg_too_long");
        }
        let thread = Self::thread(common, body)?;
        let more = json!({"channel": of.channel, "user": of.user, "text": text, "thread_ts": thread,
                          "metadata": body["metadata"], "files": [], "reactions": [],
                          "broadcast": body["reply_broadcast"] == true});
        let ts = self.publish(common, &of.id, text, more);
        Ok(json!({"channel": of.channel, "ts": ts, "message": {"text": text, "user": of.user}}))
    }

    fn complete(&mut self, common: &mut Common, of: &Account, body: &Value) -> Result<Value, Refused> {
        let ids: Vec<_> =
            body["files"].as_array().into_iter().flatten().filter_map(|file| file["id"].as_str()).collect();
        if ids.is_empty() {
            return Err("invalid_arguments");
        }
        self.files.check_uploaded(&of.id, &ids)?;
        if body["channel_id"] != of.channel {
            return Err("channel_not_found");
        }
        let thread = Self::thread(common, body)?;
        let text = body["initial_comment"].as_str().unwrap_or_default();
        let more = json!({"channel": of.channel, "user": of.user, "text": text, "thread_ts": thread, "files": ids,
                          "metadata": null, "reactions": []});
        let ts = self.publish(common, &of.id, text, more);
        self.files.share(&ids, &ts);
        Ok(json!({"files": ids.iter().map(|id| json!({"id": id, "shares": {}})).collect::<Vec<_>>()}))
    }

    /// What a code gives: the bot's token.
    fn oauth(&self, common: &mut Common, request: &Request<Bytes>) -> Result<Value, Refused> {
        let given = common.login.token(request).map_err(|refused| match refused.0 {
            "invalid_client" => "bad_client_secret",
            _ => "invalid_code",
        })?;
        let of = Account::of(given.account);
        let mut body = json!({"access_token": given.access, "token_type": "bot", "bot_user_id": of.user,
                              "scope": given.scopes.unwrap_or_default().join(","),
                              "team": {"id": of.team, "name": "Acme"}, "authed_user": {"id": "U0000000009"}});
        if self.rotates {
            body["refresh_token"] = json!("xoxe-1-a-refresh-token");
            body["expires_in"] = json!(43_200);
        }
        Ok(body)
    }

    /// The channels that a bot is in, some at a time.
    fn conversations(&self, of: &Account, types: &str, from: usize) -> Value {
        let own = Some(&of.channel).filter(|_| self.member);
        let all: Vec<_> = own
            .into_iter()
            .chain(&self.channels)
            .filter(|id| !id.starts_with('G') || types.contains("private_channel"))
            .map(|id| json!({"id": id, "name": id.to_lowercase(), "is_member": true}))
            .collect();
        let end = (from + 2).min(all.len());
        let next = if end < all.len() { end.to_string() } else { String::new() };
        json!({"channels": all[from.min(end)..end], "response_metadata": {"next_cursor": next}})
    }

    fn api(&mut self, common: &mut Common, call: &str, request: &Request<Bytes>) -> Result<Value, Refused> {
        match call {
            "api.test" => return Ok(json!({})),
            "oauth.v2.access" => return self.oauth(common, request),
            _ => {}
        }
        let id = common.caller(request).ok_or("invalid_auth")?;
        let of = Account::of(id);
        let query = form::pairs(request.uri().query().unwrap_or_default());
        let asked =
            |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        match call {
            "auth.test" => Ok(json!({"team_id": of.team, "user_id": of.user, "bot_id": "B0000000007",
                                     "url": "https://acme.slack.com/", "team": "Acme", "user": "crier"})),
            "conversations.history" | "conversations.replies" => {
                if asked("channel") != Some(&of.channel) {
                    return Err("channel_not_found");
                }
                if !self.member {
                    return Err("not_in_channel");
                }
                Ok(read::list(&common.shelf, &of, self.page, &asked))
            }
            "users.conversations" => {
                let from = asked("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
                Ok(self.conversations(&of, asked("types").unwrap_or("public_channel"), from))
            }
            "chat.postMessage" => self.post_message(common, &of, &body),
            "files.completeUploadExternal" => self.complete(common, &of, &body),
            "files.getUploadURLExternal" => {
                let host =
                    request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
                let length = asked("length").and_then(|length| length.parse().ok()).unwrap_or(0);
                let name = asked("filename").unwrap_or_default();
                self.files.open(&of.id, host, name, length, asked("alt_txt").unwrap_or_default())
            }
            "files.info" => self.files.info(&common.shelf, &of, asked("file").unwrap_or_default()),
            "chat.getPermalink" => {
                let post =
                    common.shelf.find(asked("message_ts").unwrap_or_default()).ok_or("message_not_found")?;
                Ok(json!({"permalink": post.uri, "channel": of.channel}))
            }
            "chat.delete" => {
                let ts = body["ts"].as_str().unwrap_or_default();
                if common.shelf.remove(ts) { Ok(json!({"ts": ts})) } else { Err("message_not_found") }
            }
            "reactions.add" => {
                let ts = body["timestamp"].as_str().unwrap_or_default();
                let post = common.shelf.find_mut(ts).ok_or("message_not_found")?;
                if post.more["reactions"].as_array().is_some_and(|reactions| !reactions.is_empty()) {
                    return Err("already_reacted");
                }
                post.more["reactions"] = json!([{"name": body["name"], "count": 1, "users": [of.user]}]);
                Ok(json!({}))
            }
            "reactions.get" => {
                let post =
                    common.shelf.read(asked("timestamp").unwrap_or_default()).ok_or("message_not_found")?;
                Ok(json!({"type": "message", "message": read::show(post)}))
            }
            _ => Err("unknown_method"),
        }
    }

    /// A webhook answers in one word.
    fn hook(&mut self, common: &mut Common, path: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let secret = path.trim_start_matches("services/");
        let Some(account) = common.login.account(secret).filter(|_| !self.gone).map(str::to_owned) else {
            return serve::plain(StatusCode::NOT_FOUND, "no_service");
        };
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let text = body["text"].as_str().unwrap_or_default().to_owned();
        match text.trim().is_empty() {
            true => serve::plain(StatusCode::BAD_REQUEST, "no_text"),
            false => {
                let more =
                    json!({"text": text, "thread_ts": body["thread_ts"], "reactions": [], "files": []});
                self.publish(common, &account, &text, more);
                serve::plain(StatusCode::OK, "ok")
            }
        }
    }
}

/// A bot's account: `team/user/channel`.
struct Account {
    id: String,
    team: String,
    user: String,
    channel: String,
}

impl Account {
    fn of(id: String) -> Self {
        let parts: Vec<_> = id.split('/').map(str::to_owned).collect();
        let part = |at: usize| parts.get(at).cloned().unwrap_or_default();
        Self { team: part(0), user: part(1), channel: part(2), id }
    }
}

impl Service for Slack {
    const NAME: &'static str = "slack";
    const RULES: Rules = Rules {
        client: Client::Form,
        pages: Some(LoginPages { authorize: "oauth/v2/authorize", token: "api/oauth.v2.access" }),
        ..Rules::PASTED
    };

    fn call<'a>(_method: &Method, path: &'a str) -> &'a str {
        match path.split_once('/') {
            Some(("services", _)) => "hooks.post",
            Some(("upload", _)) => "upload",
            Some(("api", name)) => name,
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
        match call {
            "hooks.post" => return self.hook(common, path, request),
            "oauth/v2/authorize" => {
                let Common { accounts, login, .. } = common;
                return login.authorize(request, |name| accounts.id_of(name).map(str::to_owned));
            }
            "upload" => return self.files.take(path, request.body()),
            _ => {}
        }
        let mut body = match self.api(common, call, request) {
            Ok(body) => body,
            Err(error) => json!({"error": error}),
        };
        body["ok"] = json!(body.get("error").is_none());
        let mut answer = serve::json(StatusCode::OK, &body);
        if let Ok(scopes) = HeaderValue::from_str(&self.scopes) {
            answer.headers_mut().insert("x-oauth-scopes", scopes);
        }
        answer
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        let said = |status, error: &str| serve::json(status, &json!({"ok": false, "error": error}));
        match refusal {
            Refusal::RateLimited(wait) => {
                let mut answer = said(StatusCode::TOO_MANY_REQUESTS, "ratelimited");
                let seconds = wait.as_secs_f64().ceil() as u64;
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
                answer
            }
            Refusal::Unauthorized => said(StatusCode::OK, "invalid_auth"),
            Refusal::ExpiredToken => said(StatusCode::OK, "token_expired"),
            Refusal::Odd => {
                let odd =
                    json!({"ok": false, "error": "token_expired", "needed": [], "response_metadata": 7});
                serve::json(StatusCode::OK, &odd)
            }
            Refusal::Nul => said(StatusCode::OK, "before\0after\u{1b}[2J"),
            Refusal::ServerError => said(StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
            Refusal::InSuccess => said(StatusCode::OK, "fatal_error"),
        }
    }

    /// A webhook is known by what stands in its address, a bot's account by its channel.
    fn id_of(&self, handle: &str, secret: &str) -> Result<String, String> {
        match (secret.split_once("/services/"), handle.strip_prefix('C')) {
            (Some((_, path)), _) => Ok(path.splitn(3, '/').take(2).collect::<Vec<_>>().join("/")),
            (None, Some(number)) => Ok(format!("T0000000001/U{number}/{handle}")),
            _ => Err("a bot's account is called by a channel".to_owned()),
        }
    }

    fn token_of<'a>(&self, secret: &'a str) -> &'a str {
        secret.split_once("/services/").map_or(secret, |(_, path)| path)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let yes = || value.as_bool().ok_or(format!("{name} must be true or false"));
        match name {
            "member" => self.member = yes()?,
            "rotates" => self.rotates = yes()?,
            "channels" => {
                self.channels = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
            }
            "gone" => self.gone = yes()?,
            "page" => self.page = value.as_u64().and_then(|page| page.try_into().ok()).ok_or("no number")?,
            "scopes" => self.scopes = value.as_str().ok_or("no text")?.to_owned(),
            "share_seconds" => {
                self.files.shown_after = Duration::from_secs_f64(value.as_f64().ok_or("no number")?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
