//! Posts, their comments and figures.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::little::shown;
use super::{Answered, LinkedIn, ORGANIZATION, Refused, body, decoded, ok, param};
use crate::serve;
use crate::sim::kit::{Common, NewPost, Post};

/// The most units of UTF-16 of a text as it is sent, and of a comment.
const MAX_TEXT: usize = 3_000;
const MAX_COMMENT: usize = 1_250;
const MAX_IMAGES: usize = 20;
/// What pages need for what they post, and for what they say under posts: to write and to read.
const POSTS: [&str; 2] = ["w_organization_social", "r_organization_social"];
const FEED: [&str; 2] = ["w_organization_social_feed", "r_organization_social_feed"];

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// A number that begins with the time, as LinkedIn's do.
fn number(common: &mut Common, seconds_ago: u64) -> u64 {
    (millis(SystemTime::now()) - 1_000 * seconds_ago) << 22 | common.shelf.next_number() & 0x3f_ffff
}

fn page(urn: &str) -> String {
    format!("https://www.linkedin.com/feed/update/{urn}")
}

fn made(urn: &str, body: &Value) -> Response<Bytes> {
    let mut answer = match body {
        Value::Null => Response::new(Bytes::new()),
        body => serve::json(StatusCode::CREATED, body),
    };
    *answer.status_mut() = StatusCode::CREATED;
    if let Ok(urn) = HeaderValue::from_str(urn) {
        answer.headers_mut().insert("x-restli-id", urn);
    }
    answer
}

fn comment_on(post: &Post) -> Option<&str> {
    post.more["comment_on"].as_str()
}

/// One page of a list.
fn paged(request: &Request<Bytes>, all: Vec<Value>) -> Answered {
    let number = |name: &str, usual: usize| param(request, name).parse().unwrap_or(usual);
    let (start, count) = (number("start", 0), number("count", 10).clamp(1, 100));
    let total = all.len();
    let elements: Vec<_> = all.into_iter().skip(start).take(count).collect();
    ok(
        &json!({"elements": elements, "paging": {"start": start, "count": count, "total": total, "links": []}}),
    )
}

/// A text with another address in the place of each.
fn shortened(commentary: &str) -> String {
    let word = |word: &str| {
        if word.contains("://") { "https://lnkd.in/eXample7".to_owned() } else { word.to_owned() }
    };
    commentary.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn node(post: &Post, short_links: bool) -> Value {
    let at = millis(post.at);
    let commentary = post.more["commentary"].as_str().unwrap_or_default();
    let commentary = if short_links { shortened(commentary) } else { commentary.to_owned() };
    json!({
        "id": post.id, "author": post.account, "commentary": commentary, "content": post.more["content"],
        "visibility": post.more["visibility"], "lifecycleState": "PUBLISHED", "createdAt": at, "publishedAt": at,
        "lastModifiedAt": at, "isReshareDisabledByAuthor": false,
    })
}

impl LinkedIn {
    pub(super) fn post(&mut self, common: &mut Common, caller: &str, request: &Request<Bytes>) -> Answered {
        let sent = body(request)?;
        let text = |name: &str| sent[name].as_str().unwrap_or_default();
        let (author, commentary, content) = (text("author"), text("commentary"), &sent["content"]);
        self.may_write(caller, author, POSTS[0])?;
        if text("lifecycleState") != "PUBLISHED" || sent["distribution"]["feedDistribution"] != "MAIN_FEED" {
            return Err(Refused::invalid("A post needs a lifecycleState and a distribution"));
        }
        let is_page = author.starts_with(ORGANIZATION);
        match text("visibility") {
            "PUBLIC" => {}
            "CONNECTIONS" if !is_page => {}
            _ => return Err(Refused::invalid("The visibility is not one of the author's")),
        }
        if commentary.encode_utf16().count() > MAX_TEXT {
            return Err(Refused::new(422, "UNPROCESSABLE_ENTITY", "The text is too long"));
        }
        if commentary.is_empty() && content.is_null() {
            return Err(Refused::new(422, "UNPROCESSABLE_ENTITY", "Commentary must not be empty"));
        }
        let many = content["multiImage"]["images"].as_array();
        if many.is_some_and(|many| !(2..=MAX_IMAGES).contains(&many.len())) {
            return Err(Refused::invalid("Several images are 2 to 20"));
        }
        let shown_media = many.into_iter().flatten().chain(content.get("media"));
        let images = shown_media.map(|medium| self.shown(author, medium)).collect::<Result<Vec<_>, _>>()?;
        if let Some(article) = content.get("article")
            && (article["source"].as_str().is_none() || article["title"].as_str().is_none())
        {
            return Err(Refused::invalid("An article needs a source and a title"));
        }
        let key = (author.to_owned(), commentary.to_owned(), content.to_string());
        if let Some(known) = self.known.get(&key).filter(|_| self.settings.refuses_duplicates) {
            let known = match self.settings.names_ghosts {
                true => format!("urn:li:share:{}", number(common, 0)),
                false => known.clone(),
            };
            let message = format!(
                "com.linkedin.content.common.exception.BadRequestResponseException: Content is a duplicate of {known}"
            );
            return Err(Refused::new(422, "DUPLICATE_POST", message));
        }
        let urn = format!("urn:li:share:{}", number(common, self.settings.numbered_seconds_ago));
        self.known.insert(key, urn.clone());
        common.shelf.publish(NewPost {
            id: urn.clone(),
            key: urn.clone(),
            account: author.to_owned(),
            handle: name_of(common, author),
            text: shown(commentary),
            uri: page(&urn),
            images,
            more: json!({"commentary": commentary, "content": content, "visibility": text("visibility")}),
            ..NewPost::default()
        });
        Ok(made(&urn, &Value::Null))
    }

    pub(super) fn list_posts(&self, common: &Common, caller: &str, request: &Request<Bytes>) -> Answered {
        let author = param(request, "author");
        if param(request, "q") != "author" {
            return Err(Refused::invalid("There is no such finder"));
        }
        self.may_read(caller, &author, POSTS[1])?;
        let own = common.shelf.newest().filter(|post| post.account == author && comment_on(post).is_none());
        paged(request, own.map(|post| node(post, self.settings.short_links)).collect())
    }

    pub(super) fn get_post(&self, common: &Common, caller: &str, urn: &str) -> Answered {
        let post = common.shelf.read(urn).filter(|post| comment_on(post).is_none());
        let Some(post) = post else {
            // whose it would be is not known: who may read nothing is told so
            self.may_read(caller, caller, POSTS[1])?;
            return Err(Refused::missing());
        };
        self.may_read(caller, &post.account, POSTS[1])?;
        ok(&node(post, self.settings.short_links))
    }

    pub(super) fn delete_post(&self, common: &mut Common, caller: &str, urn: &str) -> Answered {
        let author = common.shelf.find(urn).map(|post| post.account.clone()).ok_or_else(Refused::missing)?;
        self.may_act(caller, &author)?;
        common.shelf.remove(urn);
        Ok(nothing())
    }

    pub(super) fn comment(
        &self,
        common: &mut Common,
        caller: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Answered {
        let (sent, object) = (body(request)?, object(path));
        let actor = sent["actor"].as_str().unwrap_or_default();
        self.may_write(caller, actor, FEED[0])?;
        let text = sent["message"]["text"].as_str().unwrap_or_default();
        if text.is_empty() || text.encode_utf16().count() > MAX_COMMENT || sent["object"] != json!(object) {
            return Err(Refused::invalid("A comment has an object and a text of 1 to 1250 characters"));
        }
        // one that was made just now may not be known yet where comments are taken
        let under = common.shelf.read(&object).map(|post| post.uri.clone()).ok_or_else(Refused::missing)?;
        let id = number(common, 0);
        let urn = format!("urn:li:comment:({object},{id})");
        let post = common.shelf.publish(NewPost {
            id: urn.clone(),
            key: urn.clone(),
            account: actor.to_owned(),
            handle: name_of(common, actor),
            text: text.to_owned(),
            uri: format!("{under}#{id}"),
            reply_to: Some(under),
            more: json!({"comment_on": object, "id": id.to_string()}),
            ..NewPost::default()
        });
        Ok(made(&id.to_string(), &comment_node(&post)))
    }

    /// The oldest first.
    pub(super) fn list_comments(
        &self,
        common: &Common,
        caller: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Answered {
        let object = object(path);
        // under a post of a page of the caller's, or anywhere
        let whose = common.shelf.find(&object).map_or(caller, |post| post.account.as_str());
        let whose = if self.may_act(caller, whose).is_ok() { whose } else { caller };
        self.may_read(caller, whose, FEED[1])?;
        let under = common.shelf.newest().filter(|post| comment_on(post) == Some(&object));
        let mut all: Vec<_> = under.map(comment_node).collect();
        all.reverse();
        paged(request, all)
    }

    pub(super) fn delete_comment(
        &self,
        common: &mut Common,
        caller: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Answered {
        let id = path.rsplit('/').next().unwrap_or_default();
        let urn = format!("urn:li:comment:({},{id})", object(path));
        self.may_act(caller, &param(request, "actor"))?;
        if common.shelf.remove(&urn) { Ok(nothing()) } else { Err(Refused::missing()) }
    }

    pub(super) fn statistics(&self, common: &Common, caller: &str, request: &Request<Bytes>) -> Answered {
        self.may_read(caller, &param(request, "organizationalEntity"), "rw_organization_admin")?;
        let listed = param(request, "shares") + &param(request, "ugcPosts");
        let urn = listed.trim_start_matches("List(").trim_end_matches(')');
        let comments = common.shelf.newest().filter(|post| comment_on(post) == Some(urn)).count();
        let figures = json!({"impressionCount": 0, "likeCount": 0, "commentCount": comments, "shareCount": 0, "engagement": 0.0});
        let elements = match common.shelf.read(urn) {
            Some(_) => json!([{"share": urn, "totalShareStatistics": figures}]),
            None => json!([]),
        };
        ok(&json!({"elements": elements, "paging": {"start": 0, "count": 10, "links": []}}))
    }
}

/// Pages that came with a login have no account of their own here.
fn name_of(common: &Common, urn: &str) -> String {
    match common.accounts.handle_of(urn) {
        "" => urn.trim_start_matches("urn:li:").to_owned(),
        handle => handle.to_owned(),
    }
}

fn object(path: &str) -> String {
    decoded(path.split('/').nth(2).unwrap_or_default())
}

fn nothing() -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

fn comment_node(post: &Post) -> Value {
    json!({
        "id": post.more["id"], "commentUrn": post.id, "object": post.more["comment_on"], "actor": post.account,
        "message": {"text": post.text, "attributes": []},
        "created": {"actor": post.account, "time": millis(post.at)},
        "lastModified": {"actor": post.account, "time": millis(post.at)},
    })
}
