//! A simulated Threads: containers that are published, answers, the login, and tokens that are renewed with themselves. It follows the
//! documents of Meta; where those say nothing, what others report of the real one.

mod container;
mod posts;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::graph::{self, Params, Refused, has_passed, with_usage};
use super::kit::{Common, Rules, Service};
use super::rights::Rights;
use super::{LoginPages, Refusal};
use crate::serve;
use container::Container;

const DAY: f64 = 24.0 * 60.0 * 60.0;
const LIFE: Duration = Duration::from_secs(60 * 24 * 60 * 60);
/// What usage headers call it.
const KIND: &str = "threads";

/// The simulated server.
pub struct Threads {
    containers: HashMap<String, Container>,
    /// When the tokens were made that it gave itself. Those that are pasted are old enough to be renewed.
    made: HashMap<String, SystemTime>,
    /// When an account published something, and whether that was an answer.
    published: Vec<(String, SystemTime, bool)>,
    /// What people have granted.
    rights: Rights,
    settings: Settings,
}

/// What a test can set. Times count from the past: a shorter one takes effect at once.
struct Settings {
    /// How long a container is in progress.
    processing_seconds: f64,
    /// How long a container lives.
    container_seconds: f64,
    /// How old a token has to be to be renewed.
    refresh_after_seconds: f64,
    /// Whether a container that is published says so only once its post can be read.
    says_late: bool,
    /// How many posts, and how many answers, may be published in a day.
    daily_quota: usize,
    reply_quota: usize,
    /// Addresses that can't be fetched, and the word that their container ends with.
    fetch_errors: BTreeMap<String, String>,
    /// Calls that are refused, and the error.
    errors: BTreeMap<String, i64>,
    /// Calls that are refused after they have been carried out.
    errors_after: BTreeMap<String, i64>,
    /// What the insights say, by metric.
    insights: BTreeMap<String, u64>,
}

impl Default for Threads {
    fn default() -> Self {
        let settings = Settings {
            processing_seconds: 0.0,
            container_seconds: DAY,
            refresh_after_seconds: DAY,
            says_late: false,
            daily_quota: 250,
            reply_quota: 1_000,
            fetch_errors: BTreeMap::new(),
            errors: BTreeMap::new(),
            errors_after: BTreeMap::new(),
            insights: BTreeMap::new(),
        };
        Self {
            containers: HashMap::new(),
            made: HashMap::new(),
            published: Vec::new(),
            rights: Rights::default(),
            settings,
        }
    }
}

/// A call with what belongs to it.
struct Made<'a> {
    common: &'a mut Common,
    /// The id of the account.
    caller: &'a str,
    /// The node in its path.
    id: &'a str,
    params: &'a Params,
}

/// What a path means: the name of the call, and the node it is about.
fn route<'a>(method: &Method, path: &'a str) -> Option<(&'static str, &'a str)> {
    Some(match (method.as_str(), graph::parts(path).as_slice()) {
        ("GET", ["oauth", "authorize"]) => ("oauth.authorize", "me"),
        ("POST", ["oauth", "access_token"]) => ("oauth.token", "me"),
        ("GET", ["access_token"]) => ("oauth.exchange", "me"),
        ("GET", ["refresh_access_token"]) => ("refresh", "me"),
        ("GET", ["me"]) => ("me", "me"),
        ("POST", [id, "threads"]) => ("container.create", id),
        ("POST", [id, "threads_publish"]) => ("publish", id),
        ("GET", [id, "threads_publishing_limit"]) => ("publishing_limit", id),
        ("GET", [id, "threads"]) => ("post.list", id),
        ("GET", [id, "replies"]) => ("reply.list", id),
        ("GET", [id, "insights"]) => ("insights", id),
        ("DELETE", [id]) => ("delete", id),
        ("GET", [id]) => ("node.get", id),
        _ => return None,
    })
}

impl Threads {
    fn dispatch(
        &mut self,
        common: &mut Common,
        path: &str,
        request: &Request<Bytes>,
    ) -> Result<Value, Refused> {
        let unknown = || Refused::invalid(format!("Unsupported {} request to {path}", request.method()));
        let (call, id) = route(request.method(), path).ok_or_else(unknown)?;
        let params = Params::of(request)?;
        if call == "oauth.token" {
            let given = common.login.token(request).map_err(|refused| {
                Refused::invalid(match refused.0 {
                    "invalid_client" => "Error validating client secret.",
                    _ => "This authorization code has been used.",
                })
            })?;
            self.rights.grant(&given.account, given.scopes.unwrap_or_default());
            let user: u64 = given.account.parse().unwrap_or_default();
            return Ok(json!({"access_token": given.access, "user_id": user}));
        }
        let token = graph::token(request, &params).ok_or_else(|| Refused::known(104, ""))?;
        let whose =
            if call == "refresh" { common.login.holder(&token) } else { common.login.account(&token) };
        let caller = match whose {
            Some(caller) => caller.to_owned(),
            None if common.login.holder(&token).is_some() => return Err(Refused::known(463, "")),
            None => return Err(Refused::known(190, "")),
        };
        if let Some(error) = self.settings.errors.get(call) {
            return Err(Refused::known(*error, id));
        }
        let id = if id == "me" { &caller } else { id };
        let mut made = Made { common, caller: &caller, id, params: &params };
        let given = self.make(call, &token, &mut made)?;
        let after = self.settings.errors_after.get(call);
        after.map_or(Ok(given), |error| Err(Refused::known(*error, id)))
    }

    /// What a call needs the person to have granted.
    fn check(&self, call: &str, made: &Made<'_>) -> Result<(), Refused> {
        let right = match call {
            "container.create" if made.params.get("reply_to_id").is_some() => "threads_manage_replies",
            "container.create" | "publish" => "threads_content_publish",
            "reply.list" => "threads_read_replies",
            "insights" => "threads_manage_insights",
            "delete" => "threads_delete",
            _ => return Ok(()),
        };
        graph::check(&self.rights, made.caller, right)
    }

    fn make(&mut self, call: &str, token: &str, made: &mut Made<'_>) -> Result<Value, Refused> {
        self.check(call, made)?;
        match call {
            "oauth.exchange" => self.renewed(made, "th_exchange_token"),
            "refresh" => {
                let young = self.made.get(token);
                if young.is_some_and(|made| !has_passed(*made, self.settings.refresh_after_seconds)) {
                    return Err(Refused::invalid("The access token is not old enough to be refreshed"));
                }
                self.renewed(made, "th_refresh_token")
            }
            "node.get" => self.node(made),
            "delete" => self.delete(made),
            "insights" => self.insights(made),
            // what else there is, is the account's own
            _ if made.id != made.caller => Err(Refused::not_there(made.id)),
            "me" => self.node(made),
            "container.create" => self.create(made),
            "publish" => self.publish(made),
            "publishing_limit" => self.publishing_limit(made),
            "post.list" => self.list(made, false),
            "reply.list" => self.list(made, true),
            _ => Err(Refused::not_there(made.id)),
        }
    }

    fn renewed(&mut self, made: &mut Made<'_>, grant: &str) -> Result<Value, Refused> {
        if made.params.one("grant_type")? != grant {
            return Err(Refused::invalid("Unsupported grant type"));
        }
        let token = made.common.login.issue_access(made.caller);
        self.made.insert(token.clone(), SystemTime::now());
        Ok(json!({"access_token": token, "token_type": "bearer", "expires_in": LIFE.as_secs()}))
    }
}

impl Service for Threads {
    const NAME: &'static str = "threads";
    const RULES: Rules = Rules {
        access: Some(LIFE),
        pages: Some(LoginPages { authorize: "oauth/authorize", token: "oauth/access_token" }),
        ..Rules::PASTED
    };

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        route(method, path).map_or(path, |(call, _)| call)
    }

    fn answer(
        &mut self,
        common: &mut Common,
        call: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        if call == "oauth.authorize" {
            let Common { login, accounts, .. } = common;
            return login.authorize(request, |name| accounts.id_of(name).map(str::to_owned));
        }
        let answer = match self.dispatch(common, path, request) {
            Ok(body) => serve::json(StatusCode::OK, &body),
            Err(refused) => refused.answer(),
        };
        with_usage(answer, KIND, 1, 0)
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        graph::refusal(refusal, KIND)
    }

    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        Ok((26_000_000_000_000 + graph::number_of(handle)).to_string())
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let settings = &mut self.settings;
        let (odd, value) = (|error: serde_json::Error| error.to_string(), value.clone());
        match name {
            "processing_seconds" => {
                settings.processing_seconds = serde_json::from_value(value).map_err(odd)?
            }
            "container_seconds" => settings.container_seconds = serde_json::from_value(value).map_err(odd)?,
            "refresh_after_seconds" => {
                settings.refresh_after_seconds = serde_json::from_value(value).map_err(odd)?;
            }
            "says_late" => settings.says_late = serde_json::from_value(value).map_err(odd)?,
            "daily_quota" => settings.daily_quota = serde_json::from_value(value).map_err(odd)?,
            "reply_quota" => settings.reply_quota = serde_json::from_value(value).map_err(odd)?,
            "fetch_errors" => settings.fetch_errors = serde_json::from_value(value).map_err(odd)?,
            "errors" => settings.errors = serde_json::from_value(value).map_err(odd)?,
            "errors_after" => settings.errors_after = serde_json::from_value(value).map_err(odd)?,
            "insights" => settings.insights = serde_json::from_value(value).map_err(odd)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}
