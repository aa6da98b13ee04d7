//! LinkedIn's versioned REST API: members, and the pages that they administer.
//!
//! A refused duplicate is told by its text. The posts of members can't be read, unless a setting says so; those of pages can.

mod little;
mod media;
mod posts;
mod settings;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::kit::{Client, Common, Given, Rules, Service};
use super::rights::Rights;
use super::{LoginPages, Refusal, form};
use crate::serve;
use media::Upload;
use settings::Settings;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ORGANIZATION: &str = "urn:li:organization:";

/// The simulated server.
#[derive(Default)]
pub struct LinkedIn {
    settings: Settings,
    /// The pages of members, by the URNs of both.
    pages: BTreeMap<String, Vec<String>>,
    uploads: HashMap<String, Upload>,
    /// What was posted, and under which name: author, text and content.
    known: HashMap<(String, String, String), String>,
    /// What members have granted the app.
    rights: Rights,
}

/// Why a call is refused: status, code, message.
#[derive(Clone, Debug)]
struct Refused(StatusCode, &'static str, String);

type Answered = Result<Response<Bytes>, Refused>;

impl Refused {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), code, message.into())
    }

    fn missing() -> Self {
        Self::new(404, "NOT_FOUND", "Could not find entity")
    }

    fn forbidden(what: &str) -> Self {
        Self::new(403, "ACCESS_DENIED", format!("Not enough permissions to access: {what}.20260700"))
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "ILLEGAL_ARGUMENT", message)
    }

    fn answer(self) -> Response<Bytes> {
        let Self(status, code, message) = self;
        if code != "DUPLICATE_POST" {
            return serve::json(
                status,
                &json!({"status": status.as_u16(), "code": code, "message": message}),
            );
        }
        let inputs = json!([{"description": "Duplicate post is detected", "input": {}, "code": code}]);
        let body = json!({
            "errorDetailType": "com.linkedin.common.error.BadRequest", "status": status.as_u16(),
            "message": message, "errorDetails": {"inputErrors": inputs},
        });
        serve::json(status, &body)
    }
}

/// One parameter of a query.
fn param(request: &Request<Bytes>, name: &str) -> String {
    let given = form::pairs(request.uri().query().unwrap_or_default());
    given.into_iter().find(|(found, _)| found == name).map(|(_, value)| value).unwrap_or_default()
}

/// A part of a path as it was before it was escaped.
fn decoded(part: &str) -> String {
    form::pairs(&format!("x={part}")).pop().map(|(_, value)| value).unwrap_or_default()
}

fn ok(body: &Value) -> Answered {
    Ok(serve::json(StatusCode::OK, body))
}

fn header<'r>(request: &'r Request<Bytes>, name: &str) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn body(request: &Request<Bytes>) -> Result<Value, Refused> {
    serde_json::from_slice(request.body()).map_err(|_| Refused::invalid("Could not parse the body"))
}

impl LinkedIn {
    /// Whom a token speaks for besides its owner.
    fn pages_of(&self, caller: &str) -> Vec<String> {
        if caller.starts_with(ORGANIZATION) {
            return vec![caller.to_owned()];
        }
        self.pages.get(caller).cloned().unwrap_or_default()
    }

    fn may_act(&self, caller: &str, author: &str) -> Result<(), Refused> {
        if caller == author || self.pages_of(caller).iter().any(|page| page == author) {
            return Ok(());
        }
        Err(Refused::forbidden("the author"))
    }

    /// Refuses what the member has not granted.
    fn has(&self, caller: &str, scope: &str) -> Result<(), Refused> {
        if self.rights.has(caller, scope) { Ok(()) } else { Err(Refused::forbidden(scope)) }
    }

    /// What a page posts, and what is said under it, are two rights.
    fn may_read(&self, caller: &str, author: &str, of_pages: &str) -> Result<(), Refused> {
        self.may_act(caller, author)?;
        let is_open = match author.starts_with(ORGANIZATION) {
            true => {
                self.has(caller, of_pages)?;
                self.settings.page_reads
            }
            false => self.settings.member_reads,
        };
        if is_open { Ok(()) } else { Err(Refused::forbidden("posts.FINDER-author")) }
    }

    /// Whether somebody may publish as an author.
    fn may_write(&self, caller: &str, author: &str, for_pages: &str) -> Result<(), Refused> {
        self.may_act(caller, author)?;
        self.has(caller, if author.starts_with(ORGANIZATION) { for_pages } else { "w_member_social" })
    }

    /// Refuses a version that has ended.
    fn check_version(&self, request: &Request<Bytes>) -> Result<(), Refused> {
        let version = header(request, "linkedin-version");
        let oldest = self.settings.oldest_version.as_str();
        match version {
            "" => {
                let message = "A version must be present. Please specify a version by adding the LinkedIn-Version header.";
                Err(Refused::new(400, "VERSION_MISSING", message))
            }
            old if old.len() != oldest.len() || old < oldest => {
                let message = format!("Requested version {old} is not active");
                Err(Refused::new(426, "NONEXISTENT_VERSION", message))
            }
            _ if header(request, "x-restli-protocol-version") != "2.0.0" => {
                Err(Refused::invalid("The protocol must be 2.0.0"))
            }
            _ => Ok(()),
        }
    }

    fn userinfo(common: &Common, caller: &str) -> Value {
        match caller.strip_prefix(ORGANIZATION) {
            Some(number) => {
                json!({"sub": format!("owner-of-{number}"), "name": format!("Owner of {number}")})
            }
            None => json!({
                "sub": caller.trim_start_matches("urn:li:person:"), "name": common.accounts.handle_of(caller),
                "locale": {"country": "DE", "language": "de"},
            }),
        }
    }

    fn roles(&self, caller: &str) -> Value {
        let role = |page: String| json!({"organization": page, "role": "ADMINISTRATOR", "state": "APPROVED"});
        let elements: Vec<_> = self.pages_of(caller).into_iter().map(role).collect();
        json!({"elements": elements, "paging": {"start": 0, "count": 100, "links": []}})
    }

    fn organization(&self, caller: &str, number: &str) -> Answered {
        self.may_act(caller, &format!("{ORGANIZATION}{number}"))?;
        ok(
            &json!({"id": number.parse::<u64>().ok(), "localizedName": format!("Page {number}"), "vanityName": format!("page-{number}")}),
        )
    }

    fn token(&mut self, common: &mut Common, request: &Request<Bytes>) -> Response<Bytes> {
        let given = match common.login.token(request) {
            Ok(given) => given,
            Err(refused) => return refused.answer(),
        };
        let Given { account, access, refresh, expires_in, scopes } = given;
        // the one that was used stays good, and comes again
        let sent = std::str::from_utf8(request.body()).map(form::pairs).unwrap_or_default();
        let used = sent.into_iter().find(|(name, _)| name == "refresh_token").map(|(_, token)| token);
        let refresh = refresh.or(used);
        let mut body = json!({"access_token": access, "expires_in": expires_in, "token_type": "Bearer"});
        if let Some(refresh) = refresh.filter(|_| self.settings.partner) {
            body["refresh_token"] = json!(refresh);
            body["refresh_token_expires_in"] = json!(365 * DAY.as_secs());
        }
        if let Some(scopes) = scopes {
            body["scope"] = json!(scopes.join(","));
            self.rights.grant(&account, scopes);
        }
        serve::json(StatusCode::OK, &body)
    }

    fn called(&mut self, common: &mut Common, call: &str, path: &str, request: &Request<Bytes>) -> Answered {
        let known = common.caller(request);
        let who =
            || known.clone().ok_or_else(|| Refused::new(401, "INVALID_ACCESS_TOKEN", "Invalid access token"));
        if call == "upload" {
            return self.put(path, request);
        }
        if call == "userinfo" {
            return ok(&Self::userinfo(common, &who()?));
        }
        let caller = who()?;
        self.check_version(request)?;
        let last = decoded(path.rsplit('/').next().unwrap_or_default());
        match call {
            "organizationAcls" => ok(&self.roles(&caller)),
            "organizations.get" => self.organization(&caller, &last),
            "images" | "videos" | "documents" => self.upload(call, &caller, request),
            "videos.get" | "documents.get" => self.state_of(&last),
            "posts.create" => self.post(common, &caller, request),
            "posts.list" => self.list_posts(common, &caller, request),
            "posts.get" => self.get_post(common, &caller, &last),
            "posts.delete" => self.delete_post(common, &caller, &last),
            "comments.create" => self.comment(common, &caller, path, request),
            "comments.list" => self.list_comments(common, &caller, path, request),
            "comments.delete" => self.delete_comment(common, &caller, path, request),
            "statistics" => self.statistics(common, &caller, request),
            _ => Err(Refused::new(404, "RESOURCE_NOT_FOUND", "No virtual resource found")),
        }
    }
}

impl Service for LinkedIn {
    const NAME: &'static str = "linkedin";
    const RULES: Rules = Rules {
        access: Some(DAY.saturating_mul(60)),
        refreshes: true,
        rotates: false,
        client: Client::Form,
        client_id: "client_id",
        pkce: false,
        pages: Some(LoginPages { authorize: "oauth/v2/authorization", token: "oauth/v2/accessToken" }),
    };

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        let parts: Vec<_> = path.split('/').collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["oauth", "v2", "authorization"]) => "oauth2.authorize",
            ("POST", ["oauth", "v2", "accessToken"]) => "oauth2.token",
            ("GET", ["v2", "userinfo"]) => "userinfo",
            ("PUT", ["dms-uploads", _]) => "upload",
            ("GET", ["rest", "organizationAcls"]) => "organizationAcls",
            ("GET", ["rest", "organizations", _]) => "organizations.get",
            ("GET", ["rest", "organizationalEntityShareStatistics"]) => "statistics",
            ("POST", ["rest", kind @ ("images" | "videos" | "documents")]) => kind,
            ("GET", ["rest", "videos", _]) => "videos.get",
            ("GET", ["rest", "documents", _]) => "documents.get",
            ("POST", ["rest", "posts"]) => "posts.create",
            ("GET", ["rest", "posts"]) => "posts.list",
            ("GET", ["rest", "posts", _]) => "posts.get",
            ("DELETE", ["rest", "posts", _]) => "posts.delete",
            ("POST", ["rest", "socialActions", _, "comments"]) => "comments.create",
            ("GET", ["rest", "socialActions", _, "comments"]) => "comments.list",
            ("DELETE", ["rest", "socialActions", _, "comments", _]) => "comments.delete",
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
            "oauth2.authorize" => {
                let Common { login, accounts, .. } = common;
                login.authorize(request, |name| accounts.id_of(name).map(str::to_owned))
            }
            "oauth2.token" => self.token(common, request),
            _ => self.called(common, call, path, request).unwrap_or_else(Refused::answer),
        }
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal {
            Refusal::RateLimited(wait) => {
                let message = "Throttle limit for calls to this resource is reached.";
                let mut answer = Refused::new(429, "TOO_MANY_REQUESTS", message).answer();
                // it names no time by itself; what stands before it may
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
                answer
            }
            Refusal::Unauthorized => {
                Refused::new(401, "INVALID_ACCESS_TOKEN", "Invalid access token").answer()
            }
            Refusal::ExpiredToken => {
                let message = "The token used in the request has expired";
                Refused::new(401, "EXPIRED_ACCESS_TOKEN", message).answer()
            }
            Refusal::Odd => {
                let body =
                    json!({"status": "401", "code": 7, "message": ["expired"], "serviceErrorCode": 65602});
                serve::json(StatusCode::UNAUTHORIZED, &body)
            }
            Refusal::Nul => Refused::new(422, "UNPROCESSABLE_ENTITY", "before\0after\u{1b}[2J").answer(),
            // such answers it has none
            Refusal::ServerError | Refusal::InSuccess => {
                Refused::new(500, "INTERNAL_SERVER_ERROR", "Internal Server Error").answer()
            }
        }
    }

    /// `organization:7` is a page, and its token that of somebody who administers it; everybody else is a member.
    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        let (kind, id) = match handle.strip_prefix("organization:") {
            Some(number) => ("organization", number),
            None => ("person", handle),
        };
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(format!("{handle:?} has to be organization: and a number, or letters and digits"));
        }
        Ok(format!("urn:li:{kind}:{id}"))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        match name {
            // {"alice": [7, 8]}
            "pages" => {
                let pages = value.as_object().ok_or("pages must be an object")?;
                for (member, numbers) in pages {
                    let numbers = numbers.as_array().into_iter().flatten().filter_map(Value::as_u64);
                    let urns = numbers.map(|number| format!("{ORGANIZATION}{number}")).collect();
                    self.pages.insert(format!("urn:li:person:{member}"), urns);
                }
            }
            _ => return self.settings.set(name, value),
        }
        Ok(true)
    }
}
