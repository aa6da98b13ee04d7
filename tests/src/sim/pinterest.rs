//! Pinterest's API, version 5: pins on boards. What is sent twice is there twice.

mod media;
mod pin;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use self::media::Uploads;
use super::kit::{Client, Common, Refused as LoginRefused, Rules, Service};
use super::{LoginPages, Refusal, form};
use crate::serve;

/// The boards that everybody has, and the section of the first.
const BOARDS: [&str; 2] = ["1001", "1002"];
const SECTION: &str = "7";
/// The most pins of a page.
const MAX_PAGE: usize = 250;

/// The simulated server.
#[derive(Default)]
pub struct Pinterest {
    uploads: Uploads,
    /// The boards that were deleted.
    gone: BTreeSet<String>,
    /// Boards show their oldest pins first, as their owners may arrange them.
    oldest_first: bool,
    /// How many pins of last year each board has, with texts that are as long as they may be.
    old_pins: usize,
    /// The rights that tokens lack.
    withheld: BTreeSet<String>,
}

/// Why a call is refused: status, code, message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(StatusCode, i64, &'static str);

const UNAUTHORIZED: Refused = Refused(StatusCode::UNAUTHORIZED, 2, "Authentication failed.");
const INVALID_GRANT: Refused = Refused(StatusCode::UNAUTHORIZED, 283, "The authorization grant is invalid");
const FORBIDDEN: Refused =
    Refused(StatusCode::FORBIDDEN, 29, "You are not permitted to access that resource.");
const NO_BOARD: Refused = Refused(StatusCode::NOT_FOUND, 40, "Board not found.");
const NO_PIN: Refused = Refused(StatusCode::NOT_FOUND, 50, "Pin not found.");
const NO_MEDIA: Refused = Refused(StatusCode::NOT_FOUND, 50, "Media upload not found.");
const NO_CALL: Refused = Refused(StatusCode::NOT_FOUND, 404, "There is no such call.");
const SLOW_DOWN: Refused = Refused(StatusCode::TOO_MANY_REQUESTS, 8, "Max Rate limit is reached.");

/// What a pin may not be.
const fn invalid(why: &'static str) -> Refused {
    Refused(StatusCode::BAD_REQUEST, 1, why)
}

impl Refused {
    fn answer(self) -> Response<Bytes> {
        let Self(status, code, message) = self;
        serve::json(status, &json!({"code": code, "message": message}))
    }
}

impl Pinterest {
    fn has_board(&self, id: &str) -> bool {
        BOARDS.contains(&id) && !self.gone.contains(id)
    }

    /// Refuses what a token may not do.
    fn check(&self, call: &str) -> Result<(), Refused> {
        let needed: &[&str] = match call {
            "user_account" => &["user_accounts:read"],
            "boards.list" => &["boards:read"],
            "pins.list" | "pins.get" => &["pins:read"],
            "boards.pins" => &["boards:read", "pins:read"],
            "pins.create" | "pins.delete" | "media.create" => &["pins:write"],
            _ => &[],
        };
        if needed.iter().any(|scope| self.withheld.contains(*scope)) { Err(FORBIDDEN) } else { Ok(()) }
    }

    fn respond(
        &mut self,
        common: &mut Common,
        call: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Refused> {
        if call == "media.upload" {
            return Ok(self.uploads.take(last(path), request));
        }
        let who = common.caller(request).ok_or(UNAUTHORIZED)?;
        let ok = |body: &Value| Ok(serve::json(StatusCode::OK, body));
        self.check(call)?;
        match call {
            "boards.list" => ok(&json!({"items": BOARDS.map(|id| json!({"id": id})), "bookmark": null})),
            "pins.list" => ok(&json!({"items": [], "bookmark": null})),
            "user_account" => ok(&json!({"id": who, "username": common.accounts.handle_of(&who)})),
            "media.create" => self.uploads.register(common.shelf.next_number(), who, request),
            "media.get" => ok(&self.uploads.show(last(path), &who)?),
            "pins.create" => {
                let shown = self.create(common, who, request.body())?;
                Ok(serve::json(StatusCode::CREATED, &shown))
            }
            "pins.get" => ok(&pin::with_metrics(common.shelf.read(last(path)).ok_or(NO_PIN)?)),
            "pins.delete" => {
                let pin = common.shelf.find(last(path)).ok_or(NO_PIN)?;
                if pin.account != who {
                    return Err(FORBIDDEN);
                }
                let id = pin.id.clone();
                common.shelf.remove(&id);
                Ok(serve::with_type(StatusCode::NO_CONTENT, "application/json", Bytes::new()))
            }
            "boards.pins" => ok(&self.list(common, path, &who, request)?),
            _ => Err(NO_CALL),
        }
    }

    /// The pins of a board, or of a section of one, page by page.
    fn list(
        &self,
        common: &Common,
        path: &str,
        who: &str,
        request: &Request<Bytes>,
    ) -> Result<Value, Refused> {
        let mut parts = path.split('/').skip(2);
        let board = parts.next().filter(|id| self.has_board(id)).ok_or(NO_BOARD)?;
        let section = parts.next().filter(|part| *part == "sections").and_then(|_| parts.next());
        let query = form::pairs(request.uri().query().unwrap_or_default());
        let number = |name: &str, default: usize| {
            let found = query.iter().find(|(found, _)| found == name);
            found.map_or(Some(default), |(_, value)| value.parse().ok()).ok_or(invalid("Invalid parameters"))
        };
        let (size, from) = (number("page_size", 25)?, number("bookmark", 0)?);
        if !(1..=MAX_PAGE).contains(&size) {
            return Err(invalid("'page_size' must be from 1 to 250"));
        }
        let is_there = |pin: &&super::kit::Post| {
            pin.more["board_id"] == board
                && section.is_none_or(|section| pin.more["board_section_id"] == section)
        };
        let mut pins: Vec<_> =
            common.shelf.newest().filter(is_there).map(|pin| pin::show(pin, who)).collect();
        pins.extend((0..self.old_pins).map(pin::old));
        if self.oldest_first {
            pins.reverse();
        }
        let rest = pins.len() > from + size;
        let items: Vec<_> = pins.into_iter().skip(from).take(size).collect();
        Ok(json!({"items": items, "bookmark": rest.then(|| (from + size).to_string())}))
    }
}

/// The last part of a path: an id.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

impl Service for Pinterest {
    const NAME: &'static str = "pinterest";
    const RULES: Rules = Rules {
        access: Some(Duration::from_secs(30 * 24 * 60 * 60)),
        refreshes: true,
        rotates: true,
        client: Client::Basic,
        pages: Some(LoginPages { authorize: "oauth", token: "v5/oauth/token" }),
        ..Rules::PASTED
    };

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        match (method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["oauth"]) => "oauth.authorize",
            ("POST", ["v5", "oauth", "token"]) => "oauth.token",
            ("GET", ["v5", "user_account"]) => "user_account",
            ("POST", ["v5", "media"]) => "media.create",
            ("GET", ["v5", "media", _]) => "media.get",
            ("POST", ["upload", _]) => "media.upload",
            ("POST", ["v5", "pins"]) => "pins.create",
            ("GET", ["v5", "boards"]) => "boards.list",
            ("GET", ["v5", "pins"]) => "pins.list",
            ("GET", ["v5", "pins", _]) => "pins.get",
            ("DELETE", ["v5", "pins", _]) => "pins.delete",
            ("GET", ["v5", "boards", _, "pins"] | ["v5", "boards", _, "sections", _, "pins"]) => {
                "boards.pins"
            }
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
        let Common { accounts, login, .. } = common;
        match call {
            "oauth.authorize" => login.authorize(request, |handle| accounts.id_of(handle).map(str::to_owned)),
            "oauth.token" => match login.token(request) {
                Ok(given) => given.answer(),
                Err(LoginRefused("invalid_grant", _)) => INVALID_GRANT.answer(),
                Err(LoginRefused("invalid_client", _)) => UNAUTHORIZED.answer(),
                Err(_) => invalid("Invalid parameters").answer(),
            },
            _ => self.respond(common, call, path, request).unwrap_or_else(Refused::answer),
        }
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal {
            Refusal::RateLimited(wait) => {
                let mut answer = SLOW_DOWN.answer();
                let seconds = HeaderValue::from(wait.as_secs_f64().ceil() as u64);
                let headers = answer.headers_mut();
                headers.insert("x-ratelimit-limit", HeaderValue::from_static("100"));
                headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
                headers.insert("x-ratelimit-reset", seconds);
                answer
            }
            Refusal::Unauthorized | Refusal::ExpiredToken => UNAUTHORIZED.answer(),
            Refusal::Odd => serve::json(StatusCode::UNAUTHORIZED, &json!({"code": "2", "message": []})),
            Refusal::Nul => invalid("before\0after\u{1b}[2J").answer(),
            // such answers it has none
            Refusal::ServerError | Refusal::InSuccess => {
                Refused(StatusCode::INTERNAL_SERVER_ERROR, 0, "Something went wrong on our end.").answer()
            }
        }
    }

    /// Accounts have numbers.
    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        let sum = handle.bytes().fold(7_u64, |sum, byte| sum * 31 % 1_000_000_007 + u64::from(byte));
        Ok(format!("27{sum:012}"))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        match name {
            "delete_board" => {
                self.gone.insert(value.as_str().ok_or("a board is named by a text")?.to_owned());
            }
            "oldest_first" => self.oldest_first = value.as_bool().ok_or("oldest_first is yes or no")?,
            "old_pins" => {
                let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
                self.old_pins = count.ok_or("old_pins is a number")?;
            }
            "withheld" => {
                self.withheld = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
            }
            _ => return self.uploads.set(name, value),
        }
        Ok(true)
    }
}
