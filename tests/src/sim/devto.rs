//! DEV: articles, as Forem's source has it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::Refusal;
use super::form;
use super::kit::{Common, NewPost, Post, Rules, Service, numeric_id};
use super::ledger::rfc3339;
use crate::serve;

/// How long a title is not taken a second time.
const TITLE: Duration = Duration::from_secs(5 * 60);
/// The most characters of a title, and tags.
const MAX_TITLE: usize = 128;
const MAX_TAGS: usize = 4;

/// The simulated server.
#[derive(Default)]
pub struct DevTo {
    /// Articles were moved to another part of the community, whose author's list does not show them.
    lists_nothing: bool,
    /// Five minutes have passed since every article.
    forgets_titles: bool,
}

/// Why a call is refused: status, words.
#[derive(Clone, Copy)]
struct Refused(u16, &'static str);

const UNAUTHORIZED: Refused = Refused(401, "unauthorized");
const MISSING: Refused = Refused(404, "not found");
const NO_TITLE: Refused = Refused(422, "Title can't be blank");
const LONG_TITLE: Refused = Refused(422, "Title is too long (maximum is 128 characters for full_post)");
const TITLE_USED: Refused = Refused(422, "Title has already been used in the last five minutes");
const URL_USED: Refused =
    Refused(422, "Canonical url has already been taken. Email yo@dev.to for further details.");
const MANY_TAGS: Refused = Refused(422, "Tag list exceed the maximum of 4 tags");
const NO_ARTICLE: Refused = Refused(422, "param is missing or the value is empty: article");

impl Refused {
    fn answer(self) -> Response<Bytes> {
        let status = StatusCode::from_u16(self.0).unwrap_or_default();
        serve::json(status, &json!({"error": self.1, "status": self.0}))
    }
}

/// As an article is shown, and listed for its author.
fn show(post: &Post) -> Value {
    let article = &post.more;
    json!({"type_of": "article", "id": post.id.parse::<u64>().unwrap_or_default(), "url": post.uri,
           "title": article["title"], "body_markdown": article["body_markdown"], "published": article["published"],
           "published_at": rfc3339(post.at), "tag_list": article["tags"], "canonical_url": article["canonical_url"],
           "cover_image": article["main_image"], "comments_count": 0, "public_reactions_count": 0})
}

/// Whose key a request carries.
fn caller(common: &Common, request: &Request<Bytes>) -> Result<String, Refused> {
    let key = request.headers().get("api-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    common.login.account(key).map(str::to_owned).ok_or(UNAUTHORIZED)
}

fn article(request: &Request<Bytes>) -> Result<Value, Refused> {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    if body["article"].is_object() { Ok(body["article"].clone()) } else { Err(NO_ARTICLE) }
}

fn publish(
    server: &DevTo,
    common: &mut Common,
    account: String,
    request: &Request<Bytes>,
) -> Result<Value, Refused> {
    let article = article(request)?;
    let title = article["title"].as_str().unwrap_or_default();
    let since = SystemTime::now() - if server.forgets_titles { Duration::ZERO } else { TITLE };
    let own = |post: &&Post| post.account == account;
    let is_used = |post: &Post| post.more["title"] == title && post.at > since;
    let same_url = |post: &Post| {
        article["canonical_url"].is_string() && post.more["canonical_url"] == article["canonical_url"]
    };
    if title.trim().is_empty() {
        return Err(NO_TITLE);
    } else if title.chars().count() > MAX_TITLE {
        return Err(LONG_TITLE);
    } else if common.shelf.all().filter(own).any(is_used) {
        return Err(TITLE_USED);
    } else if common.shelf.all().any(same_url) {
        return Err(URL_USED);
    } else if article["tags"].as_array().is_some_and(|tags| tags.len() > MAX_TAGS) {
        return Err(MANY_TAGS);
    }
    let id = common.shelf.next_number();
    let handle = common.accounts.handle_of(&account).to_owned();
    let text = article["body_markdown"].as_str().unwrap_or_default();
    // what tests look for is the text without its images
    let text = text.split("\n\n![").next().unwrap_or_default().to_owned();
    let uri = format!("https://dev.to/{handle}/article-{id}");
    let new = NewPost { id: id.to_string(), text, uri, account, handle, more: article, ..NewPost::default() };
    Ok(show(&common.shelf.publish(new)))
}

fn change(common: &mut Common, account: &str, id: &str, request: &Request<Bytes>) -> Result<Value, Refused> {
    let article = article(request)?;
    let post = common.shelf.find_mut(id).filter(|post| post.account == account).ok_or(MISSING)?;
    if let (Some(kept), Some(changed)) = (post.more.as_object_mut(), article.as_object()) {
        kept.extend(changed.clone());
    }
    Ok(show(post))
}

fn answer(
    server: &DevTo,
    common: &mut Common,
    call: &str,
    path: &str,
    request: &Request<Bytes>,
) -> Result<Value, Refused> {
    let id = path.rsplit('/').next().unwrap_or_default();
    match call {
        "articles.index" => Ok(json!([])),
        "users.me" => {
            let id = caller(common, request)?;
            Ok(json!({"type_of": "user", "id": id.parse::<u64>().unwrap_or_default(),
                      "username": common.accounts.handle_of(&id)}))
        }
        "articles.create" => {
            let account = caller(common, request)?;
            publish(server, common, account, request)
        }
        "articles.update" => {
            let account = caller(common, request)?;
            change(common, &account, id, request)
        }
        "articles.mine" => {
            let account = caller(common, request)?;
            let query = form::pairs(request.uri().query().unwrap_or_default());
            let number = |name: &str, usual: usize| {
                let given = query.iter().find(|(found, _)| found == name);
                given.and_then(|(_, value)| value.parse().ok()).unwrap_or(usual)
            };
            let (per_page, page) = (number("per_page", 30), number("page", 1));
            let own = common.shelf.newest().filter(|post| post.account == account);
            let published = own.filter(|post| !server.lists_nothing && post.more["published"] == true);
            let page = published.skip(page.saturating_sub(1) * per_page).take(per_page);
            Ok(page.map(show).collect())
        }
        "articles.get" => {
            let published = common.shelf.read(id).filter(|post| post.more["published"] == true);
            published.map(show).ok_or(MISSING)
        }
        _ => Err(MISSING),
    }
}

impl Service for DevTo {
    const NAME: &'static str = "devto";
    const RULES: Rules = Rules::PASTED;

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        match (method.as_str(), path.strip_prefix("api/").unwrap_or_default()) {
            ("GET", "users/me") => "users.me",
            ("GET", "articles") => "articles.index",
            ("POST", "articles") => "articles.create",
            ("GET", "articles/me/published") => "articles.mine",
            ("GET", rest) if rest.starts_with("articles/") => "articles.get",
            ("PUT", rest) if rest.starts_with("articles/") => "articles.update",
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
        let status = if call == "articles.create" { StatusCode::CREATED } else { StatusCode::OK };
        let answer = answer(self, common, call, path, request);
        answer.map_or_else(Refused::answer, |body| serve::json(status, &body))
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal {
            Refusal::RateLimited(wait) => {
                let mut answer = Refused(429, "Rate limit reached, try again later").answer();
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
                answer
            }
            Refusal::Unauthorized | Refusal::ExpiredToken => UNAUTHORIZED.answer(),
            Refusal::Odd => {
                serve::json(StatusCode::UNAUTHORIZED, &json!({"error": "unauthorized", "status": []}))
            }
            Refusal::Nul => Refused(422, "before\0after\u{1b}[2J").answer(),
            // such answers it has none
            Refusal::ServerError | Refusal::InSuccess => {
                serve::plain(StatusCode::INTERNAL_SERVER_ERROR, "We're sorry, but something went wrong\n")
            }
        }
    }

    /// Ids are numbers.
    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        Ok(numeric_id(handle))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let flag = || value.as_bool().ok_or_else(|| format!("{name} must be true or false"));
        match name {
            "lists_nothing" => self.lists_nothing = flag()?,
            "forgets_titles" => self.forgets_titles = flag()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}
