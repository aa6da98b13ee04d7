//! A Lemmy server, version 0.19, as its source has it. Each account reads what it has written, as far as it has chosen to see it.

use bytes::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::Refusal;
use super::form;
use super::kit::{Common, NewPost, Post, Rules, Service, numeric_id};
use super::ledger::rfc3339;
use crate::serve;

/// The communities of the server, by their ids from 1 on.
const COMMUNITIES: [&str; 2] = ["main", "rust"];
/// Its languages.
const LANGUAGES: [(u64, &str); 3] = [(0, "und"), (37, "en"), (38, "de")];
/// The most characters of a title, of a post, of a comment.
const MAX_TITLE: usize = 200;
const MAX_BODY: usize = 50_000;
const MAX_COMMENT: usize = 10_000;

/// What the server takes out of a text, and what it puts there.
const SLUR: &str = "gronkhead";
const NO_SLUR: &str = "*removed*";

/// The simulated server.
pub struct Lemmy {
    /// Whether accounts see what is not for everybody.
    show_nsfw: bool,
    /// The communities that accounts have blocked, those that an admin has hidden, and the servers that accounts have blocked.
    /// Each community is of a server with the same id.
    blocked_communities: Vec<u64>,
    hidden_communities: Vec<u64>,
    blocked_instances: Vec<u64>,
}

impl Default for Lemmy {
    fn default() -> Self {
        let (blocked_communities, hidden_communities, blocked_instances) = (vec![], vec![], vec![]);
        Self { show_nsfw: true, blocked_communities, hidden_communities, blocked_instances }
    }
}

/// Why a call is refused: nearly always with the status 400.
#[derive(Clone, Copy)]
struct Refused(u16, &'static str);

const NOT_LOGGED_IN: Refused = Refused(401, "not_logged_in");
const INCORRECT_LOGIN: Refused = Refused(401, "incorrect_login");
const TITLE: Refused = Refused(400, "invalid_post_title");
const BODY: Refused = Refused(400, "invalid_body_field");
const NO_COMMUNITY: Refused = Refused(404, "couldnt_find_community");
const NO_POST: Refused = Refused(404, "couldnt_find_post");
const UNCHANGED: Refused = Refused(400, "couldnt_update_post");

impl Refused {
    fn answer(self) -> Response<Bytes> {
        serve::json(StatusCode::from_u16(self.0).unwrap_or_default(), &json!({"error": self.1}))
    }
}

fn number(id: &str) -> u64 {
    id.parse().unwrap_or_default()
}

/// A text as it is kept: without what follows readers in its links, and without what nobody should say.
fn clean(text: &str) -> String {
    let word = |word: &str| {
        let Some((path, rest)) = word.split_once('?').filter(|_| word.contains("://")) else {
            return word.to_owned();
        };
        let end = rest.find(|c: char| ")>\"\n ".contains(c)).unwrap_or(rest.len());
        // a full stop is none of a link's
        let (query, after) = rest.split_at(rest[..end].trim_end_matches('.').len());
        let kept: Vec<_> = query.split('&').filter(|param| !param.starts_with("utm_")).collect();
        let sign = if kept.is_empty() { "" } else { "?" };
        format!("{path}{sign}{}{after}", kept.join("&"))
    };
    let words: String = text.split_inclusive(char::is_whitespace).map(word).collect();
    words.replace(SLUR, NO_SLUR)
}

/// Posts and comments are numbered together here, which no client can rely on.
fn show(post: &Post) -> Value {
    let kept = &post.more;
    if kept["content"].is_string() {
        let path = match kept["parent_id"].as_u64() {
            Some(parent) => format!("0.{parent}.{}", post.id),
            None => format!("0.{}", post.id),
        };
        // of what is deleted nothing is left to read
        let content = if kept["deleted"] == true { json!("") } else { kept["content"].clone() };
        let comment = json!({"id": number(&post.id), "ap_id": post.uri, "content": content, "path": path,
                             "post_id": kept["post_id"], "published": rfc3339(post.at), "deleted": kept["deleted"] == true});
        return json!({"comment": comment});
    }
    let shown = json!({"id": number(&post.id), "ap_id": post.uri, "name": kept["name"], "body": kept["body"],
                       "url": kept["url"], "community_id": kept["community_id"], "nsfw": kept["nsfw"] == true,
                       "published": rfc3339(post.at), "deleted": kept["deleted"] == true});
    json!({"post": shown, "counts": {"upvotes": 1, "comments": 0}})
}

fn publish(
    common: &mut Common,
    account: String,
    text: &str,
    kind: &str,
    mut more: Value,
    reply_to: Option<String>,
) -> Value {
    for name in ["body", "content"] {
        if let Some(text) = more[name].as_str() {
            more[name] = json!(clean(text));
        }
    }
    let id = common.shelf.next_number().to_string();
    let handle = common.accounts.handle_of(&account).to_owned();
    let text = text.split("\n\n![").next().unwrap_or_default().to_owned();
    let uri = format!("https://lemmy.example/{kind}/{id}");
    show(&common.shelf.publish(NewPost {
        id,
        text,
        uri,
        account,
        handle,
        more,
        reply_to,
        ..NewPost::default()
    }))
}

fn new_post(common: &mut Common, account: String, body: Value) -> Result<Value, Refused> {
    let name = body["name"].as_str().unwrap_or_default().trim();
    let text = body["body"].as_str().unwrap_or_default().to_owned();
    let community = usize::try_from(body["community_id"].as_u64().unwrap_or_default()).unwrap_or_default();
    if !name.split_whitespace().any(|word| word.chars().count() >= 3) || name.chars().count() > MAX_TITLE {
        return Err(TITLE);
    } else if text.chars().count() > MAX_BODY {
        return Err(BODY);
    } else if !(1..=COMMUNITIES.len()).contains(&community) {
        return Err(NO_COMMUNITY);
    }
    Ok(json!({"post_view": publish(common, account, &text, "post", body, None)}))
}

fn new_comment(common: &mut Common, account: String, body: Value) -> Result<Value, Refused> {
    let text = body["content"].as_str().unwrap_or_default().to_owned();
    let post = body["post_id"].as_u64().unwrap_or_default().to_string();
    let answered = common.shelf.find(&post).map(|post| post.uri.clone()).ok_or(NO_POST)?;
    if text.is_empty() || text.chars().count() > MAX_COMMENT {
        return Err(BODY);
    }
    Ok(json!({"comment_view": publish(common, account, &text, "comment", body, Some(answered))}))
}

fn delete(common: &mut Common, account: &str, kind: &str, body: &Value) -> Result<Value, Refused> {
    let id = body[format!("{kind}_id")].as_u64().unwrap_or_default().to_string();
    let post = common.shelf.find_mut(&id).filter(|post| post.account == account).ok_or(NO_POST)?;
    if post.more["deleted"] == body["deleted"] {
        return Err(UNCHANGED);
    }
    post.more["deleted"] = body["deleted"].clone();
    Ok(json!({format!("{kind}_view"): show(post)}))
}

impl Lemmy {
    fn me(&self, common: &Common, account: &str) -> Value {
        let local_user =
            json!({"show_nsfw": self.show_nsfw, "show_bot_accounts": true, "show_read_posts": true});
        let person = json!({"id": number(account), "name": common.accounts.handle_of(account)});
        let blocks =
            |kind: &str, ids: &[u64]| -> Value { ids.iter().map(|id| json!({ kind: {"id": id} })).collect() };
        json!({"local_user_view": {"local_user": local_user, "person": person},
               "community_blocks": blocks("community", &self.blocked_communities),
               "instance_blocks": blocks("instance", &self.blocked_instances),
               "discussion_languages": LANGUAGES.map(|(id, _)| id)})
    }

    /// Whether an account sees what it has written there. A hidden community hides posts only.
    fn shows(&self, common: &Common, post: &Post) -> bool {
        let is_comment = post.more["content"].is_string();
        let community = if is_comment {
            let on = post.more["post_id"].as_u64().unwrap_or_default().to_string();
            common.shelf.find(&on).and_then(|post| post.more["community_id"].as_u64())
        } else {
            post.more["community_id"].as_u64()
        };
        let is_in = |ids: &[u64]| community.is_some_and(|id| ids.contains(&id));
        !is_in(&self.blocked_communities)
            && !is_in(&self.blocked_instances)
            && (is_comment || !is_in(&self.hidden_communities))
            && (self.show_nsfw || post.more["nsfw"] != true)
    }

    /// What an account has written, newest first, as far as it sees it, also what it has deleted.
    fn own(&self, common: &Common, account: &str, query: &[(String, String)]) -> Value {
        let get = |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let given =
            |name: &str, usual: usize| get(name).and_then(|value| value.parse().ok()).unwrap_or(usual);
        let (limit, page) = (given("limit", 10), given("page", 1));
        let seen = |post: &&Post| post.account == account && self.shows(common, post);
        let of = |comments: bool| -> Value {
            let kind = common
                .shelf
                .newest()
                .filter(seen)
                .filter(|post| post.more["content"].is_string() == comments);
            kind.skip(page.saturating_sub(1) * limit).take(limit).map(show).collect()
        };
        json!({"person_view": {"person": {"id": number(account)}}, "posts": of(false), "comments": of(true)})
    }

    fn called(
        &mut self,
        common: &mut Common,
        call: &str,
        request: &Request<Bytes>,
    ) -> Result<Value, Refused> {
        let query = form::pairs(request.uri().query().unwrap_or_default());
        let get = |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let known = common.caller(request);
        let who = || known.clone().ok_or(NOT_LOGGED_IN);
        let viewed = |common: &Common, kind: &str| {
            let shown = common.shelf.read(&get("id").unwrap_or_default()).map(show).ok_or(NO_POST)?;
            Ok(json!({format!("{kind}_view"): shown}))
        };
        match call {
            "user.login" => {
                let name = body["username_or_email"].as_str().unwrap_or_default();
                let id =
                    common.login.account(body["password"].as_str().unwrap_or_default()).map(str::to_owned);
                let id = id.filter(|id| common.accounts.handle_of(id) == name).ok_or(INCORRECT_LOGIN)?;
                Ok(json!({"jwt": common.login.issue_access(&id)}))
            }
            "site.get" => {
                let me = known.as_deref().map(|id| self.me(common, id));
                let languages = LANGUAGES.map(|(id, code)| json!({"id": id, "code": code, "name": code}));
                Ok(json!({"my_user": me, "all_languages": languages}))
            }
            "community.get" => {
                let name = get("name").unwrap_or_default();
                let named = COMMUNITIES.iter().position(|community| *community == name).map(|at| at + 1);
                let id = named
                    .or_else(|| get("id")?.parse().ok())
                    .filter(|id| (1..=COMMUNITIES.len()).contains(id));
                let id = id.ok_or(NO_COMMUNITY)? as u64;
                let community = json!({"id": id, "instance_id": id, "hidden": self.hidden_communities.contains(&id),
                                       "deleted": false, "removed": false});
                let blocked = self.blocked_communities.contains(&id);
                Ok(json!({"community_view": {"community": community, "blocked": blocked}}))
            }
            "post.create" => new_post(common, who()?, body),
            "comment.create" => new_comment(common, who()?, body),
            "user.get" => {
                let account = who()?;
                Ok(self.own(common, &account, &query))
            }
            "post.get" => viewed(common, "post"),
            "comment.get" => viewed(common, "comment"),
            "post.like" | "comment.like" => who().map(|_| json!({})),
            "post.delete" => delete(common, &who()?, "post", &body),
            "comment.delete" => delete(common, &who()?, "comment", &body),
            _ => Err(Refused(404, "not_found")),
        }
    }
}

impl Service for Lemmy {
    const NAME: &'static str = "lemmy";
    const RULES: Rules = Rules::PASTED;

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        match (method.as_str(), path.strip_prefix("api/v3/").unwrap_or_default()) {
            ("POST", "user/login") => "user.login",
            ("GET", "site") => "site.get",
            ("GET", "community") => "community.get",
            ("POST", "post") => "post.create",
            ("POST", "comment") => "comment.create",
            ("GET", "user") => "user.get",
            ("GET", "post") => "post.get",
            ("GET", "comment") => "comment.get",
            ("POST", "post/like") => "post.like",
            ("POST", "comment/like") => "comment.like",
            ("POST", "post/delete") => "post.delete",
            ("POST", "comment/delete") => "comment.delete",
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
        let answer = self.called(common, call, request);
        answer.map_or_else(Refused::answer, |body| serve::json(StatusCode::OK, &body))
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal {
            Refusal::RateLimited(wait) => {
                let mut answer = Refused(400, "rate_limit_error").answer();
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
                answer
            }
            Refusal::Unauthorized | Refusal::ExpiredToken => NOT_LOGGED_IN.answer(),
            Refusal::Odd => {
                serve::json(StatusCode::UNAUTHORIZED, &json!({"error": "not_logged_in", "message": []}))
            }
            Refusal::Nul => {
                let body = json!({"error": "invalid_body_field", "message": "before\0after\u{1b}[2J"});
                serve::json(StatusCode::BAD_REQUEST, &body)
            }
            // such answers it has none
            Refusal::ServerError | Refusal::InSuccess => {
                serve::plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error\n")
            }
        }
    }

    /// Ids are numbers.
    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        Ok(numeric_id(handle))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let ids = || -> Result<Vec<u64>, String> {
            serde_json::from_value(value.clone()).map_err(|_| format!("{name} must be a list of ids"))
        };
        match name {
            "show_nsfw" => self.show_nsfw = value.as_bool().ok_or("show_nsfw must be true or false")?,
            "blocked_communities" => self.blocked_communities = ids()?,
            "hidden_communities" => self.hidden_communities = ids()?,
            "blocked_instances" => self.blocked_instances = ids()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}
