//! Reddit, as its source was open and as clients have recorded it since. What is sent twice is there twice, but for a link that is not
//! said to be one again.

mod lists;
mod media;
mod posts;

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderValue, USER_AGENT, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use self::media::Uploads;
use super::kit::{Client, Common, Refused as LoginRefused, Rules, Service};
use super::{LoginPages, Refusal, form};
use crate::serve;

/// The simulated server.
#[derive(Default)]
pub struct Reddit {
    uploads: Uploads,
    /// How long images and videos are processed before their posts are shown.
    processing: Duration,
    /// What is processed comes to nothing.
    processing_fails: bool,
    /// The account has to take a break: for so many seconds it can't post or comment.
    take_a_break: Option<f64>,
}

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refused {
    /// With a status, and words for it.
    Status(StatusCode),
    /// With a status, by the rules of a subreddit: what is wrong, and why.
    Rules(&'static str, &'static str),
    /// In a success: a code, words, and what is wrong.
    Listed(&'static str, &'static str, Value),
    /// In a success: too soon, by so many seconds.
    TooSoon(f64),
}

const UNAUTHORIZED: Refused = Refused::Status(StatusCode::UNAUTHORIZED);
const NOT_FOUND: Refused = Refused::Status(StatusCode::NOT_FOUND);

/// What is wrong with a field.
fn listed(code: &'static str, words: &'static str, field: &str) -> Refused {
    Refused::Listed(code, words, json!(field))
}

impl Refused {
    fn answer(self) -> Response<Bytes> {
        let errors = |errors: Value, more: Value| {
            let mut inside = json!({"errors": [errors]});
            for (name, value) in more.as_object().into_iter().flatten() {
                inside[name] = value.clone();
            }
            serve::json(StatusCode::OK, &json!({ "json": inside }))
        };
        match self {
            Self::Status(status) => {
                let words = status.canonical_reason().unwrap_or_default();
                serve::json(status, &json!({"message": words, "error": status.as_u16()}))
            }
            Self::Rules(reason, explanation) => {
                let said = json!({"fields": ["title"], "explanation": explanation, "message": "Bad Request",
                                  "error_type": "SUBMIT_VALIDATION_ERROR", "reason": reason});
                serve::json(StatusCode::BAD_REQUEST, &said)
            }
            Self::Listed(code, words, field) => errors(json!([code, words, field]), json!({})),
            Self::TooSoon(seconds) => {
                let (number, unit) =
                    if seconds < 60.0 { (seconds, "seconds") } else { (seconds / 60.0, "minutes") };
                let words = format!(
                    "Looks like you've been doing that a lot. Take a break for {number:.0} {unit} before trying again."
                );
                errors(json!(["RATELIMIT", words, "ratelimit"]), json!({ "ratelimit": seconds }))
            }
        }
    }
}

/// The pairs of a form, or of a query.
struct Given(Vec<(String, String)>);

impl Given {
    fn form(request: &Request<Bytes>) -> Self {
        Self(std::str::from_utf8(request.body()).map(form::pairs).unwrap_or_default())
    }

    fn query(request: &Request<Bytes>) -> Self {
        Self(form::pairs(request.uri().query().unwrap_or_default()))
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    fn says(&self, name: &str) -> bool {
        self.get(name) == "true"
    }
}

impl Reddit {
    fn respond(
        &mut self,
        common: &mut Common,
        call: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Refused> {
        if call == "media.upload" {
            return Ok(self.uploads.take(request));
        }
        let who = common.caller(request).ok_or(UNAUTHORIZED)?;
        let query = Given::query(request);
        if query.get("raw_json") != "1" {
            // texts would come as they stand in HTML
            return Err(Refused::Status(StatusCode::NOT_IMPLEMENTED));
        }
        let body = match call {
            "me" => {
                json!({"id": who, "name": common.accounts.handle_of(&who), "over_18": false, "is_suspended": false})
            }
            "media.lease" => self.uploads.lease(common.shelf.next_number(), who, request)?,
            "submit" => self.submit(common, who, &Given::form(request))?,
            "submit.gallery" => self.submit_gallery(common, who, request.body())?,
            "comment" => self.comment(common, who, &Given::form(request))?,
            "del" => {
                let name = Given::form(request).get("id").to_owned();
                if common.shelf.find(&name).is_some_and(|post| post.account == who) {
                    common.shelf.remove(&name);
                }
                json!({})
            }
            "info" => lists::info(common, query.get("id")),
            "user.submitted" | "user.comments" => self.list(common, path, &query)?,
            _ => return Err(NOT_FOUND),
        };
        Ok(serve::json(StatusCode::OK, &body))
    }

    /// An app that doesn't say that it wants to stay gets no refresh token, which nothing here can use.
    fn authorize(common: &mut Common, request: &Request<Bytes>) -> Response<Bytes> {
        if Given::query(request).get("duration") != "permanent" {
            return serve::plain(StatusCode::BAD_REQUEST, "expected an app that stays\n");
        }
        let Common { accounts, login, .. } = common;
        login.authorize(request, |handle| accounts.id_of(handle).map(str::to_owned))
    }

    /// What it refuses of a code it says in a success; a refresh token that it doesn't know is a bad request.
    fn token(common: &mut Common, request: &Request<Bytes>) -> Response<Bytes> {
        let is_code = Given::form(request).get("grant_type") == "authorization_code";
        match common.login.token(request) {
            Ok(given) => given.answer(),
            Err(LoginRefused("invalid_client", _)) => UNAUTHORIZED.answer(),
            Err(LoginRefused(error, _)) if is_code => serve::json(StatusCode::OK, &json!({ "error": error })),
            Err(_) => Refused::Status(StatusCode::BAD_REQUEST).answer(),
        }
    }
}

impl Service for Reddit {
    const NAME: &'static str = "reddit";
    const RULES: Rules = Rules {
        access: Some(Duration::from_secs(24 * 60 * 60)),
        refreshes: true,
        client: Client::Basic,
        pages: Some(LoginPages { authorize: "api/v1/authorize", token: "api/v1/access_token" }),
        ..Rules::PASTED
    };

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        match (method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["api", "v1", "authorize"]) => "oauth.authorize",
            ("POST", ["api", "v1", "access_token"]) => "oauth.token",
            ("POST", ["api", "v1", "revoke_token"]) => "oauth.revoke",
            ("GET", ["api", "v1", "me"]) => "me",
            ("POST", ["api", "media", "asset.json"]) => "media.lease",
            ("POST", ["store"]) => "media.upload",
            ("POST", ["api", "submit"]) => "submit",
            ("POST", ["api", "submit_gallery_post.json"]) => "submit.gallery",
            ("POST", ["api", "comment"]) => "comment",
            ("POST", ["api", "del"]) => "del",
            ("GET", ["api", "info"]) => "info",
            ("GET", ["user", _, "submitted"]) => "user.submitted",
            ("GET", ["user", _, "comments"]) => "user.comments",
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
        // who doesn't say what program it is is slowed down until nothing goes
        let names_itself = request.headers().get(USER_AGENT).is_some_and(|agent| !agent.is_empty());
        match call {
            "oauth.authorize" => Self::authorize(common, request),
            _ if !names_itself => self.refusal(Refusal::RateLimited(Duration::from_secs(60))),
            "oauth.token" => Self::token(common, request),
            "oauth.revoke" => {
                common.login.revoke(Given::form(request).get("token"));
                serve::with_type(StatusCode::NO_CONTENT, "application/json", Bytes::new())
            }
            _ => self.respond(common, call, path, request).unwrap_or_else(Refused::answer),
        }
    }

    /// Calls are counted for the app, in ten minutes; how many are left, each answer says.
    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal {
            Refusal::RateLimited(wait) => {
                let mut answer = Refused::Status(StatusCode::TOO_MANY_REQUESTS).answer();
                let headers = answer.headers_mut();
                headers.insert("x-ratelimit-used", HeaderValue::from_static("1000"));
                headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0.0"));
                headers.insert("x-ratelimit-reset", HeaderValue::from(wait.as_secs_f64().ceil() as u64));
                answer
            }
            Refusal::Unauthorized => UNAUTHORIZED.answer(),
            Refusal::ExpiredToken => {
                let mut answer = UNAUTHORIZED.answer();
                let why = HeaderValue::from_static("Bearer realm=\"reddit\", error=\"invalid_token\"");
                answer.headers_mut().insert(WWW_AUTHENTICATE, why);
                answer
            }
            Refusal::Odd => {
                serve::json(StatusCode::UNAUTHORIZED, &json!({"message": [], "error": "401", "json": 7}))
            }
            Refusal::Nul => listed("BAD_STRING", "before\0after\u{1b}[2J", "title").answer(),
            Refusal::ServerError => Refused::Status(StatusCode::INTERNAL_SERVER_ERROR).answer(),
            // a code that nothing documents
            Refusal::InSuccess => listed("SOMETHING_BROKE", "we had a server error", "sr").answer(),
        }
    }

    /// Accounts have short numbers in letters and digits.
    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        let sum = handle.bytes().fold(7_u64, |sum, byte| sum * 31 % 1_000_000_007 + u64::from(byte));
        Ok(format!("4c{sum}"))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let number = || value.as_f64().ok_or(format!("{name} is a number"));
        match name {
            "processing_seconds" => {
                self.processing = Duration::from_secs_f64(number()?.clamp(0.0, 86_400.0));
            }
            "processing_fails" => {
                self.processing_fails = value.as_bool().ok_or("processing_fails is yes or no")?;
            }
            "take_a_break" => self.take_a_break = value.as_f64(),
            _ => return self.uploads.set(name, value),
        }
        Ok(true)
    }
}
