//! Misskey: every call is a POST of an object that has the token in it.

mod notes;

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use hyper::header::{HOST, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::kit::{Common, Rules, Service};
use super::ledger::Image;
use super::{Refusal, form};
use crate::serve;

/// The most characters of a text, unless a setting says otherwise.
const MAX_TEXT: u64 = 3_000;
const MAX_COMMENT: usize = 512;

/// The simulated server.
pub struct Misskey {
    max_text: u64,
    /// The files by their ids, each with its account.
    files: HashMap<String, (String, Image)>,
    /// Who follows whom.
    follows: BTreeSet<(String, String)>,
    /// The logins to which somebody said yes, until their token was fetched.
    sessions: HashMap<String, String>,
    /// Whom everybody has muted.
    mutes: BTreeSet<String>,
    /// As on a fork, whose list with the notes in channels leaves out all others where somebody has muted one.
    only_channels: bool,
}

impl Default for Misskey {
    fn default() -> Self {
        Self {
            max_text: MAX_TEXT,
            files: HashMap::new(),
            follows: BTreeSet::new(),
            sessions: HashMap::new(),
            mutes: BTreeSet::new(),
            only_channels: false,
        }
    }
}

/// Why a call is refused: status, code, message.
#[derive(Clone, Copy, Debug)]
struct Refused(StatusCode, &'static str, &'static str);

type Answered = Result<Value, Refused>;

const UNAUTHORIZED: Refused = Refused(
    StatusCode::UNAUTHORIZED,
    "AUTHENTICATION_FAILED",
    "Authentication failed. Please ensure your token is correct.",
);
const NO_SUCH_NOTE: Refused = Refused(StatusCode::BAD_REQUEST, "NO_SUCH_NOTE", "No such note.");
const NO_SUCH_USER: Refused = Refused(StatusCode::NOT_FOUND, "NO_SUCH_USER", "No such user.");
const NO_SUCH_ENDPOINT: Refused = Refused(StatusCode::NOT_FOUND, "NO_SUCH_ENDPOINT", "No such API endpoint.");

impl Refused {
    const fn invalid(message: &'static str) -> Self {
        Self(StatusCode::BAD_REQUEST, "INVALID_PARAM", message)
    }

    fn answer(self) -> Response<Bytes> {
        let Self(status, code, message) = self;
        let kind = if status.is_server_error() { "server" } else { "client" };
        let error = json!({"message": message, "code": code, "id": "00000000-0000-4000-8000-000000000000", "kind": kind});
        serve::json(status, &json!({"error": error}))
    }
}

/// What a call carries: an object, or the fields and the file of a form.
struct Sent {
    object: Value,
    file: Option<Bytes>,
}

impl Sent {
    fn of(request: &Request<Bytes>) -> Result<Self, Refused> {
        let Some(parts) = form::parts(request) else {
            let object = serde_json::from_slice(request.body());
            return object
                .map(|object| Self { object, file: None })
                .map_err(|_| Refused::invalid("not JSON"));
        };
        let (mut object, mut file) = (json!({}), None);
        for part in parts {
            // what stands behind the file is not read
            if part.name == "file" {
                file = Some(part.bytes);
                break;
            }
            object[part.name] = json!(String::from_utf8_lossy(&part.bytes));
        }
        Ok(Self { object, file })
    }

    fn text(&self, name: &str) -> &str {
        self.object[name].as_str().unwrap_or_default()
    }
}

/// Where the server is, as callers name it.
fn base(request: &Request<Bytes>) -> String {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    format!("http://{host}/misskey")
}

fn user(common: &Common, id: &str) -> Value {
    json!({"id": id, "username": common.accounts.handle_of(id), "host": null, "name": null})
}

/// The type that the bytes show.
fn type_of(bytes: &[u8]) -> &'static str {
    match (imagesize::image_type(bytes), bytes) {
        (Ok(imagesize::ImageType::Png), _) => "image/png",
        (Ok(imagesize::ImageType::Jpeg), _) => "image/jpeg",
        (Ok(imagesize::ImageType::Gif), _) => "image/gif",
        (Ok(imagesize::ImageType::Webp), _) => "image/webp",
        (_, [_, _, _, _, b'f', b't', b'y', b'p', ..]) => "video/mp4",
        _ => "application/octet-stream",
    }
}

impl Misskey {
    fn upload(&mut self, common: &mut Common, account: &str, sent: &Sent) -> Answered {
        let bytes = sent.file.as_ref().ok_or(Refused::invalid("no file"))?;
        let alt = sent.text("comment");
        if alt.chars().count() > MAX_COMMENT {
            return Err(Refused::invalid("comment is too long"));
        }
        let id = format!("f{}", common.shelf.next_number());
        let image = Image {
            alt: alt.to_owned(),
            cid: id.clone(),
            mime_type: type_of(bytes).to_owned(),
            size: bytes.len() as u64,
        };
        let shown = json!({"id": id, "type": image.mime_type, "size": image.size, "comment": alt,
                           "isSensitive": sent.text("isSensitive") == "true"});
        self.files.insert(id, (account.to_owned(), image));
        Ok(shown)
    }

    fn follow(&mut self, common: &Common, account: &str, sent: &Sent) -> Answered {
        let followed = sent.text("userId");
        if common.accounts.handle_of(followed).is_empty() {
            return Err(NO_SUCH_USER);
        }
        if !self.follows.insert((account.to_owned(), followed.to_owned())) {
            return Err(Refused(
                StatusCode::BAD_REQUEST,
                "ALREADY_FOLLOWING",
                "You are already following that user.",
            ));
        }
        Ok(user(common, followed))
    }

    fn find(common: &Common, sent: &Sent, base: &str) -> Answered {
        let is_here = match sent.object["host"].as_str() {
            None => true,
            Some(host) => base.split('/').nth(2) == Some(host),
        };
        let id = common.accounts.id_of(sent.text("username")).filter(|_| is_here).ok_or(NO_SUCH_USER)?;
        Ok(user(common, id))
    }

    /// The page on which people are asked: it names the session to the app's address.
    fn authorize(&mut self, common: &Common, path: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let session = path.rsplit('/').next().unwrap_or_default();
        let asked = form::pairs(request.uri().query().unwrap_or_default());
        let get = |name: &str| asked.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let account = common.login.approver().and_then(|handle| common.accounts.id_of(handle));
        let (Some(account), Some(callback), Some(_)) = (account, get("callback"), get("permission")) else {
            return serve::plain(StatusCode::OK, "Log in to continue.\n");
        };
        self.sessions.insert(session.to_owned(), account.to_owned());
        let sign = if callback.contains('?') { '&' } else { '?' };
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::FOUND;
        if let Ok(to) = HeaderValue::try_from(format!("{callback}{sign}session={session}")) {
            answer.headers_mut().insert(LOCATION, to);
        }
        answer
    }

    /// Gives the token of a session, once.
    fn check(&mut self, common: &mut Common, path: &str) -> Value {
        let session = path.trim_end_matches("/check").rsplit('/').next().unwrap_or_default();
        match self.sessions.remove(session) {
            Some(account) => {
                let token = common.login.issue_access(&account);
                json!({"ok": true, "token": token, "user": user(common, &account)})
            }
            None => json!({"ok": false}),
        }
    }

    fn called(&mut self, common: &mut Common, call: &str, request: &Request<Bytes>) -> Answered {
        let (sent, base) = (Sent::of(request)?, base(request));
        if call == "meta" {
            return Ok(
                json!({"version": "2026.10.0", "maxNoteTextLength": self.max_text, "features": {"miauth": true}}),
            );
        }
        let account = common.login.account(sent.text("i")).map(str::to_owned).ok_or(UNAUTHORIZED)?;
        match call {
            "i" => Ok(user(common, &account)),
            "users/show" => Self::find(common, &sent, &base),
            "users/notes" => Ok(self.list(common, &sent)),
            "drive/files/create" => self.upload(common, &account, &sent),
            "following/create" => self.follow(common, &account, &sent),
            "notes/create" => self.create(common, &account, &sent, &base),
            "notes/show" => Self::show(common, &sent),
            "notes/delete" => Self::delete(common, &account, &sent),
            "notes/reactions/create" => Self::react(common, &account, &sent),
            "ap/show" => Self::resolve(common, &sent),
            _ => Err(NO_SUCH_ENDPOINT),
        }
    }
}

impl Service for Misskey {
    const NAME: &'static str = "misskey";
    const RULES: Rules = Rules::PASTED;

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        match (method.as_str(), path.strip_prefix("api/")) {
            ("GET", None) if path.starts_with("miauth/") => "miauth.page",
            ("POST", Some(rest)) if rest.starts_with("miauth/") => "miauth.check",
            ("POST", Some(endpoint)) => endpoint,
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
            "miauth.page" => self.authorize(common, path, request),
            "miauth.check" => serve::json(StatusCode::OK, &self.check(common, path)),
            _ => match self.called(common, call, request) {
                Ok(Value::Null) => {
                    let mut answer = Response::new(Bytes::new());
                    *answer.status_mut() = StatusCode::NO_CONTENT;
                    answer
                }
                Ok(body) => serve::json(StatusCode::OK, &body),
                Err(refused) => refused.answer(),
            },
        }
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal {
            Refusal::RateLimited(wait) => {
                let message = "Rate limit exceeded. Please try again later.";
                let refused = Refused(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED", message);
                let mut answer = refused.answer();
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
                answer
            }
            Refusal::Unauthorized | Refusal::ExpiredToken => UNAUTHORIZED.answer(),
            Refusal::Odd => {
                let error = json!({"code": "AUTHENTICATION_FAILED", "message": [], "id": 7});
                serve::json(StatusCode::UNAUTHORIZED, &json!({"error": error}))
            }
            Refusal::Nul => Refused::invalid("before\0after\u{1b}[2J").answer(),
            // such answers it has none
            Refusal::ServerError | Refusal::InSuccess => {
                let message = "Internal error occurred. Please contact us if the error persists.";
                Refused(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message).answer()
            }
        }
    }

    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        match handle.bytes().all(|b| b.is_ascii_alphanumeric()) && !handle.is_empty() {
            true => Ok(format!("u{handle}")),
            false => Err(format!("{handle:?} has to be letters and digits")),
        }
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        match name {
            "max_text" => self.max_text = value.as_u64().ok_or("max_text must be a number")?,
            "mutes" => {
                self.mutes =
                    serde_json::from_value(value.clone()).map_err(|_| "mutes must be a list of ids")?;
            }
            "only_channels" => {
                self.only_channels = value.as_bool().ok_or("only_channels must be true or false")?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
