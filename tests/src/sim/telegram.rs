//! Telegram's Bot API: channels and supergroups, each with a bot whose token stands in the path. It has neither keys nor a list of
//! what was sent: what is sent twice is there twice.

use std::collections::HashMap;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::Refusal;
use super::form;
use super::kit::{Common, NewPost, Rules, Service};
use super::ledger::Image;
use crate::serve;

/// The most units of UTF-16 of a text, and of one beside media.
const MAX_TEXT: usize = 4_096;
const MAX_CAPTION: usize = 1_024;
/// The most bytes of a photo, and of a request.
const MAX_PHOTO: usize = 10 * 1024 * 1024;
const MAX_REQUEST: usize = 50 * 1024 * 1024 + 100_000;
/// The bot of every token.
const BOT: u64 = 4_242;

/// The simulated server.
#[derive(Default)]
pub struct Telegram {
    /// What is different about a chat, by its name.
    chats: HashMap<String, Chat>,
    sent: u64,
}

/// What is different about a chat.
#[derive(Clone, Default)]
struct Chat {
    /// Its type; otherwise it is a channel.
    kind: Option<String>,
    /// The bot may not post.
    is_closed: bool,
    /// It has no public name.
    is_private: bool,
    /// What the group has become.
    migrated_to: Option<i64>,
}

/// Why a call is refused: code, description, and what a group has become.
struct Refused(u16, String, Option<i64>);

impl Refused {
    fn bad(why: &str) -> Self {
        Self(400, format!("Bad Request: {why}"), None)
    }

    fn answer(self) -> Response<Bytes> {
        let Self(code, description, migrated) = self;
        refuse(code, &description, migrated.map(|chat| json!({"migrate_to_chat_id": chat})))
    }
}

fn refuse(code: u16, description: &str, parameters: Option<Value>) -> Response<Bytes> {
    let mut body = json!({"ok": false, "error_code": code, "description": description});
    if let Some(parameters) = parameters {
        body["parameters"] = parameters;
    }
    serve::json(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body)
}

/// What a call says: its fields, and its files by their names.
struct Said {
    fields: Map<String, Value>,
    files: HashMap<String, Bytes>,
}

impl Said {
    fn read(request: &Request<Bytes>) -> Option<Self> {
        let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
        if kind == "application/json" {
            let fields = serde_json::from_slice(request.body()).ok()?;
            return Some(Self { fields, files: HashMap::new() });
        }
        let (mut fields, mut files) = (Map::new(), HashMap::new());
        for part in form::parts(request)? {
            let is_file = ["photo", "animation", "video", "document"].contains(&part.name.as_str())
                || part.name.starts_with("file");
            if is_file {
                files.insert(part.name, part.bytes);
            } else {
                let text = String::from_utf8(part.bytes.to_vec()).ok()?;
                // of a form everything is a text
                let json = serde_json::from_str(&text).ok().filter(|json: &Value| !json.is_number());
                let value = json.filter(|_| !["caption", "text"].contains(&part.name.as_str()));
                fields.insert(part.name, value.unwrap_or(Value::String(text)));
            }
        }
        Some(Self { fields, files })
    }

    fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// A file as the ledger has it.
fn file(sort: &str, bytes: &Bytes) -> Result<Image, Refused> {
    if bytes.is_empty() {
        return Err(Refused::bad("file must be non-empty"));
    }
    let mime_type = match sort {
        "photo" if bytes.len() > MAX_PHOTO => return Err(Refused::bad("too big for a photo")),
        "photo" => {
            let size = imagesize::blob_size(bytes).map_err(|_| Refused::bad("IMAGE_PROCESS_FAILED"))?;
            if size.width + size.height > 10_000 {
                return Err(Refused::bad("PHOTO_INVALID_DIMENSIONS"));
            }
            "image/jpeg" // whatever it was
        }
        "animation" => "image/gif",
        "video" => "video/mp4",
        "document" => "application/pdf",
        _ => return Err(Refused::bad("type of file is unknown")),
    };
    let cid = format!("{sort}-{}", bytes.len());
    Ok(Image { alt: String::new(), cid, mime_type: mime_type.to_owned(), size: bytes.len() as u64 })
}

/// What is sent: the text, how it is marked, the files.
struct Content {
    text: String,
    images: Vec<Image>,
    messages: u64,
}

fn checked(text: &str, entities: Option<&Value>, limit: usize, why: &str) -> Result<String, Refused> {
    let units = text.encode_utf16().count();
    if units > limit {
        return Err(Refused::bad(why));
    }
    for entity in entities.and_then(Value::as_array).into_iter().flatten() {
        let end = entity["offset"].as_u64().zip(entity["length"].as_u64()).map(|(at, len)| at + len);
        if end.is_none_or(|end| end > units as u64) {
            return Err(Refused::bad("can't parse entities: entity is out of the text"));
        }
    }
    Ok(text.to_owned())
}

fn content(call: &str, said: &Said) -> Result<Content, Refused> {
    let caption = |fields: &Map<String, Value>| {
        let text = fields.get("caption").and_then(Value::as_str).unwrap_or_default();
        checked(text, fields.get("caption_entities"), MAX_CAPTION, "message caption is too long")
    };
    let one = |sort: &str| {
        let bytes =
            said.files.get(sort).ok_or_else(|| Refused::bad(&format!("there is no {sort} in the request")));
        Ok(Content { text: caption(&said.fields)?, images: vec![file(sort, bytes?)?], messages: 1 })
    };
    match call {
        "sendMessage" => {
            let text = said.text("text");
            if text.trim().is_empty() {
                return Err(Refused::bad("message text is empty"));
            }
            let text = checked(text, said.fields.get("entities"), MAX_TEXT, "message is too long")?;
            Ok(Content { text, images: vec![], messages: 1 })
        }
        "sendPhoto" => one("photo"),
        "sendAnimation" => one("animation"),
        "sendVideo" => one("video"),
        "sendDocument" => one("document"),
        _ => {
            let none = vec![];
            let media = said.fields.get("media").and_then(Value::as_array).unwrap_or(&none);
            if !(2..=10).contains(&media.len()) {
                return Err(Refused::bad("group has to have 2 to 10 items"));
            }
            let documents = media.iter().filter(|one| one["type"] == "document").count();
            if documents > 0 && documents < media.len() || media.iter().any(|one| one["type"] == "animation")
            {
                return Err(Refused::bad("Can't use the media of the specified type in the album"));
            }
            let (mut images, mut text) = (vec![], String::new());
            for one in media {
                let name = one["media"].as_str().and_then(|name| name.strip_prefix("attach://"));
                let bytes = name.and_then(|name| said.files.get(name));
                let bytes = bytes.ok_or_else(|| Refused::bad("can't parse InputMedia: media not found"))?;
                images.push(file(one["type"].as_str().unwrap_or_default(), bytes)?);
                if let Some(fields) = one.as_object() {
                    text += &caption(fields)?;
                }
            }
            Ok(Content { text, images, messages: media.len() as u64 })
        }
    }
}

impl Telegram {
    /// The id and the name of the chat that a call names, if the bot may know it.
    fn chat(&self, common: &Common, account: &str, said: &Said) -> Result<(String, String), Refused> {
        let named = said.fields.get("chat_id");
        let named =
            named.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)).unwrap_or_default();
        let handle = common.accounts.handle_of(account).to_owned();
        let is_it = named == account || named.eq_ignore_ascii_case(&handle);
        match self.settings(&handle).migrated_to.filter(|_| is_it) {
            Some(chat) => {
                let why = "Bad Request: group chat was upgraded to a supergroup chat";
                Err(Refused(400, why.to_owned(), Some(chat)))
            }
            None if is_it => Ok((account.to_owned(), handle)),
            None => Err(Refused::bad("chat not found")),
        }
    }

    fn settings(&self, handle: &str) -> Chat {
        self.chats.get(handle).cloned().unwrap_or_default()
    }

    fn show(&self, id: &str, handle: &str) -> Value {
        let chat = self.settings(handle);
        let mut shown = json!({"id": id.parse::<i64>().unwrap_or_default(), "title": "T",
                               "type": chat.kind.as_deref().unwrap_or("channel")});
        if !chat.is_private {
            shown["username"] = json!(handle.trim_start_matches('@'));
        }
        shown
    }

    fn publish(
        &mut self,
        common: &mut Common,
        call: &str,
        of: (String, String),
        said: &Said,
    ) -> Result<Value, Refused> {
        let (account, handle) = of;
        let chat = self.settings(&handle);
        if chat.is_closed {
            return Err(Refused::bad("need administrator rights in the channel chat"));
        }
        let answered = said.fields.get("reply_parameters").map(|reply| reply["message_id"].to_string());
        if let Some(answered) = &answered
            && !common.shelf.newest().any(|post| post.id.split(',').any(|id| id == answered))
        {
            return Err(Refused::bad("message to be replied not found"));
        }
        let Content { text, images, messages } = content(call, said)?;
        let first = self.sent + 1;
        self.sent += messages;
        let ids: Vec<_> = (first..=self.sent).map(|id| id.to_string()).collect();
        let place = match chat.is_private {
            true => format!("c/{}", account.trim_start_matches("-100")),
            false => handle.trim_start_matches('@').to_owned(),
        };
        let shown = self.show(&account, &handle);
        let message = |id: u64| json!({"message_id": id, "date": 1, "chat": shown});
        let result = match call {
            "sendMediaGroup" => (first..=self.sent).map(message).collect(),
            _ => message(first),
        };
        common.shelf.publish(NewPost {
            id: ids.join(","),
            key: ids.join(","),
            text,
            uri: format!("https://t.me/{place}/{first}"),
            images,
            reply_to: answered,
            more: Value::Object(said.fields.clone()),
            account,
            handle,
        });
        Ok(result)
    }

    /// Takes a message away; an album is gone when its first is.
    fn delete(common: &mut Common, said: &Said) -> Result<Value, Refused> {
        let message = said.fields.get("message_id").map(Value::to_string).unwrap_or_default();
        let found = common.shelf.newest().find(|post| post.id.split(',').any(|id| id == message));
        let id = found.map(|post| post.id.clone());
        match id.is_some_and(|id| common.shelf.remove(&id)) {
            true => Ok(json!(true)),
            false => Err(Refused::bad("message to delete not found")),
        }
    }
}

/// The token and the method of a path.
fn split(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("bot")?.split_once('/')
}

impl Service for Telegram {
    const NAME: &'static str = "telegram";
    const RULES: Rules = Rules::PASTED;

    fn call<'a>(_method: &Method, path: &'a str) -> &'a str {
        split(path).map_or(path, |(_, method)| method)
    }

    fn answer(
        &mut self,
        common: &mut Common,
        call: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        let token = split(path).map(|(token, _)| token).unwrap_or_default();
        let Some(account) = common.login.account(token).map(str::to_owned) else {
            // what has not the form of a token is not found
            return if token.contains(':') {
                refuse(401, "Unauthorized", None)
            } else {
                refuse(404, "Not Found", None)
            };
        };
        if request.body().len() > MAX_REQUEST {
            return refuse(413, "Request Entity Too Large", None);
        }
        let said = Said::read(request).unwrap_or(Said { fields: Map::new(), files: HashMap::new() });
        if call == "getMe" {
            let me = json!({"id": BOT, "is_bot": true, "first_name": "B", "username": "crier_bot"});
            return serve::json(StatusCode::OK, &json!({"ok": true, "result": me}));
        }
        let of = match self.chat(common, &account, &said) {
            Ok(of) => of,
            Err(refused) => return refused.answer(),
        };
        let result = match call {
            "getChat" => Ok(self.show(&of.0, &of.1)),
            "getChatMember" => {
                let may = !self.settings(&of.1).is_closed;
                Ok(json!({"status": "administrator", "can_post_messages": may}))
            }
            "deleteMessage" => Self::delete(common, &said),
            "sendMessage" | "sendPhoto" | "sendAnimation" | "sendVideo" | "sendDocument"
            | "sendMediaGroup" => self.publish(common, call, of, &said),
            _ => Err(Refused(404, "Not Found: method not found".to_owned(), None)),
        };
        match result {
            Ok(result) => serve::json(StatusCode::OK, &json!({"ok": true, "result": result})),
            Err(refused) => refused.answer(),
        }
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal {
            Refusal::RateLimited(wait) => {
                let seconds = wait.as_secs().max(1);
                let why = format!("Too Many Requests: retry after {seconds}");
                let mut answer = refuse(429, &why, Some(json!({"retry_after": seconds})));
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
                answer
            }
            Refusal::Unauthorized | Refusal::ExpiredToken => refuse(401, "Unauthorized", None),
            Refusal::Odd => {
                let body = json!({"ok": false, "error_code": "401", "description": 7});
                serve::json(StatusCode::UNAUTHORIZED, &body)
            }
            Refusal::Nul => refuse(400, "Bad Request: before\0after\u{1b}[2J", None),
            // such successes it has none
            Refusal::ServerError | Refusal::InSuccess => refuse(500, "Internal Server Error", None),
        }
    }

    /// `-100` and ten digits, as channels and supergroups have them.
    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        let number =
            handle.bytes().fold(7_u64, |number, byte| (number * 31 + u64::from(byte)) % 1_000_000_000);
        Ok(format!("-100{}", 1_000_000_000 + number))
    }

    /// `{"@name": {"type": …, "may_post": …, "private": …, "migrated_to": …}}`.
    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        self.chats.insert(
            name.to_owned(),
            Chat {
                kind: value["type"].as_str().map(str::to_owned),
                is_closed: value["may_post"] == false,
                is_private: value["private"] == true,
                migrated_to: value["migrated_to"].as_i64(),
            },
        );
        Ok(true)
    }

    /// What every message said, newest first.
    fn figures(&self) -> Value {
        json!({"messages": self.sent})
    }
}
