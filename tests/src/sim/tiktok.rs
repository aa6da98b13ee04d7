//! TikTok: uploads that become a post with their last chunk, photos that it fetches, tasks that tell what became of both, and the
//! list of posts that everybody sees.

mod checks;
mod task;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::kit::{Client, Common, Given, Post, Refused as LoginRefused, Rules, Service};
use super::{LoginPages, Refusal, form};
use crate::serve;
use checks::Creator;
use task::Tasks;

/// The simulated server.
#[derive(Default)]
pub struct TikTok {
    creator: Creator,
    tasks: Tasks,
    /// Why posts are refused that are begun.
    refuses: Option<(StatusCode, String)>,
}

/// Why a call is refused: status, code, message.
#[derive(Clone, Copy, Debug)]
struct Refused(StatusCode, &'static str, &'static str);

const UNAUTHORIZED: Refused = Refused(
    StatusCode::UNAUTHORIZED,
    "access_token_invalid",
    "The access token is invalid or not found in the request.",
);
const INVALID: Refused =
    Refused(StatusCode::BAD_REQUEST, "invalid_params", "One or more fields in request is invalid.");
const NO_PUBLISH: Refused =
    Refused(StatusCode::BAD_REQUEST, "invalid_publish_id", "The publish_id does not exist");
const NO_CALL: Refused = Refused(StatusCode::NOT_FOUND, "unsupported_path", "Unsupported path");

impl Refused {
    fn answer(self) -> Response<Bytes> {
        refusal(self.0, self.1, self.2)
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    serve::json(
        status,
        &json!({"data": {}, "error": {"code": code, "message": message, "log_id": "20261118"}}),
    )
}

fn ok(data: &Value) -> Response<Bytes> {
    serve::json(
        StatusCode::OK,
        &json!({"data": data, "error": {"code": "ok", "message": "", "log_id": "20261118"}}),
    )
}

fn body(request: &Request<Bytes>) -> Value {
    serde_json::from_slice(request.body()).unwrap_or_default()
}

/// What a list shows of a post.
fn show(post: &Post) -> Value {
    let at = post.at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    json!({"id": post.id, "create_time": at, "title": post.more["title"],
           "video_description": post.more["description"], "share_url": post.uri, "view_count": 9,
           "like_count": 4, "comment_count": 1, "share_count": 2})
}

impl TikTok {
    fn respond(
        &mut self,
        common: &mut Common,
        call: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Refused> {
        if call == "upload.put" {
            return Ok(self.tasks.put(common, request));
        }
        let who = common.caller(request).ok_or(UNAUTHORIZED)?;
        if let Some((status, code)) = &self.refuses
            && call.ends_with(".init")
        {
            return Ok(refusal(*status, code, "Refused, as the test wants it"));
        }
        let told = body(request);
        match call {
            "user.info" => Ok(ok(&json!({"user": {"open_id": who, "display_name": "A name"}}))),
            "creator_info" => Ok(ok(&self.creator.show(common.accounts.handle_of(&who)))),
            "video.init" => {
                self.creator.check(&told["post_info"], false)?;
                self.tasks.open(common, who, request, &told)
            }
            "inbox.init" if !told["post_info"].is_null() => Err(INVALID),
            "inbox.init" => self.tasks.open(common, who, request, &told),
            "content.init" => {
                if told["post_mode"] != "MEDIA_UPLOAD" {
                    self.creator.check(&told["post_info"], true)?;
                }
                self.tasks.fetch(common, who, &told)
            }
            "status" => self.tasks.show(&who, &told["publish_id"]).map(|told| ok(&told)),
            "video.list" => Ok(ok(&self.list(common, &who, &told)?)),
            "video.query" => {
                let ids = told["filters"]["video_ids"].as_array().ok_or(INVALID)?;
                let found = |post: &&Post| ids.iter().any(|id| *id == post.id);
                let posts = self.seen(common, &who).filter(found).map(show);
                Ok(ok(&json!({"videos": posts.collect::<Vec<_>>()})))
            }
            _ => Err(NO_CALL),
        }
    }

    /// The posts of an account that everybody sees, newest first.
    fn seen<'a>(&'a self, common: &'a Common, who: &'a str) -> impl Iterator<Item = &'a Post> {
        let is_seen = move |post: &&Post| post.account == who && self.tasks.is_listed(post);
        common.shelf.newest().filter(is_seen)
    }

    fn list(&self, common: &Common, who: &str, told: &Value) -> Result<Value, Refused> {
        let size = told["max_count"].as_u64().unwrap_or(10);
        if !(1..=20).contains(&size) {
            return Err(INVALID);
        }
        let from = told["cursor"].as_u64().unwrap_or(0);
        let all: Vec<_> = self.seen(common, who).map(show).collect();
        let (size, from) = (size as usize, from as usize);
        let more = all.len() > from + size;
        let page: Vec<_> = all.into_iter().skip(from).take(size).collect();
        Ok(json!({"videos": page, "cursor": from + size, "has_more": more}))
    }
}

/// Tokens as TikTok gives them.
fn given(given: &Given) -> Response<Bytes> {
    let mut told = json!({"open_id": given.account, "access_token": given.access, "expires_in": given.expires_in,
                          "refresh_token": given.refresh, "refresh_expires_in": 15_552_000, "token_type": "Bearer"});
    if let Some(scopes) = &given.scopes {
        told["scope"] = json!(scopes.join(","));
    }
    serve::json(StatusCode::OK, &told)
}

impl Service for TikTok {
    const NAME: &'static str = "tiktok";
    const RULES: Rules = Rules {
        access: Some(Duration::from_secs(2 * 60 * 60)),
        refreshes: true,
        rotates: true,
        client: Client::Form,
        client_id: "client_key",
        pkce: false,
        pages: Some(LoginPages { authorize: "v2/auth/authorize", token: "v2/oauth/token" }),
    };

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        match (method.as_str(), path) {
            ("GET", "v2/auth/authorize" | "v2/auth/authorize/") => "authorize",
            ("POST", "v2/oauth/token" | "v2/oauth/token/") => "token",
            ("GET", "v2/user/info/") => "user.info",
            ("POST", "v2/post/publish/creator_info/query/") => "creator_info",
            ("POST", "v2/post/publish/video/init/") => "video.init",
            ("POST", "v2/post/publish/inbox/video/init/") => "inbox.init",
            ("POST", "v2/post/publish/content/init/") => "content.init",
            ("POST", "v2/post/publish/status/fetch/") => "status",
            ("POST", "v2/video/list/") => "video.list",
            ("POST", "v2/video/query/") => "video.query",
            ("PUT", "upload/") => "upload.put",
            _ => path,
        }
    }

    fn answer(
        &mut self,
        common: &mut Common,
        call: &str,
        _path: &str,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        let Common { accounts, login, .. } = common;
        match call {
            "authorize" => login.authorize(request, |handle| accounts.id_of(handle).map(str::to_owned)),
            // refused with the status of a success
            "token" => match login.token(request) {
                Ok(tokens) => given(&tokens),
                Err(LoginRefused(error, why)) => serve::json(
                    StatusCode::OK,
                    &json!({"error": error, "error_description": why, "log_id": "20261118"}),
                ),
            },
            _ => self.respond(common, call, request).unwrap_or_else(Refused::answer),
        }
    }

    fn refusal(&self, refused: Refusal) -> Response<Bytes> {
        let internal =
            |status| refusal(status, "internal_error", "Something is wrong. Please try again later.");
        match refused {
            Refusal::RateLimited(wait) => {
                let message = "The API rate limit was exceeded. Please try again later.";
                let mut answer = refusal(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message);
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
                answer
            }
            Refusal::Unauthorized | Refusal::ExpiredToken => UNAUTHORIZED.answer(),
            Refusal::Odd => serve::json(
                StatusCode::UNAUTHORIZED,
                &json!({"data": [], "error": {"code": "access_token_invalid", "message": 7}}),
            ),
            Refusal::Nul => Refused(INVALID.0, INVALID.1, "before\0after\u{1b}[2J").answer(),
            Refusal::ServerError => internal(StatusCode::INTERNAL_SERVER_ERROR),
            Refusal::InSuccess => internal(StatusCode::OK),
        }
    }

    /// `creator`: what `creator_info` says otherwise. `refuses`: `[status, code]` of posts that are begun. What else, the
    /// tasks know.
    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        match name {
            "creator" => self.creator.set(value)?,
            "refuses" => {
                let told: Option<(u16, String)> =
                    serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
                let status = |(status, code)| {
                    let status = StatusCode::from_u16(status).map_err(|error| error.to_string())?;
                    Ok::<_, String>((status, code))
                };
                self.refuses = told.map(status).transpose()?;
            }
            _ => return self.tasks.set(name, value),
        }
        Ok(true)
    }
}

/// A parameter of the address.
fn param(request: &Request<Bytes>, name: &str) -> String {
    let given = form::pairs(request.uri().query().unwrap_or_default());
    given.into_iter().find(|(found, _)| found == name).map(|(_, value)| value).unwrap_or_default()
}
