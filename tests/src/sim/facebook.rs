//! A simulated Graph API for pages of Facebook: what publishing needs, and the login that gives an app a person's pages. It follows
//! the documents of Meta; where those say nothing, what others report of the real one.

mod login;
mod media;
mod posts;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::Refusal;
use super::graph::{self, Params, Refused, with_usage};
use super::kit::{Common, Rules, Service};
use super::rights::Rights;
use crate::serve;
use media::{Photo, Video};

/// What usage headers call it.
const KIND: &str = "pages";

/// The simulated server.
#[derive(Default)]
pub struct Facebook {
    photos: HashMap<String, Photo>,
    videos: HashMap<String, Video>,
    /// What people have granted, and what their pages have by it.
    rights: Rights,
    /// Where the posts lead that are of a link.
    links: BTreeMap<String, String>,
    settings: Settings,
}

/// What a test can set.
#[derive(Default)]
struct Settings {
    /// How long a video is processed.
    processing_seconds: f64,
    /// Addresses that can't be fetched, and the error.
    fetch_errors: BTreeMap<String, i64>,
    /// Calls that are refused, and the error.
    errors: BTreeMap<String, i64>,
    /// Calls that are refused after they have been carried out.
    errors_after: BTreeMap<String, i64>,
    /// Posts that were changed by hand, and what they say now.
    edits: BTreeMap<String, String>,
    /// What the insights say, by metric.
    insights: BTreeMap<String, u64>,
    /// How many pages a list has.
    page_size: Option<usize>,
}

/// A call with what belongs to it.
struct Made<'a> {
    common: &'a mut Common,
    /// Whose token it comes with: a page, or a person.
    caller: &'a str,
    /// The node in its path.
    id: &'a str,
    params: &'a Params,
    request: &'a Request<Bytes>,
}

/// What a path means: the name of the call, and the node it is about.
fn route<'a>(method: &Method, path: &'a str) -> Option<(&'static str, &'a str)> {
    Some(match (method.as_str(), graph::parts(path).as_slice()) {
        ("GET", ["dialog", "oauth"]) => ("oauth.authorize", "me"),
        ("POST", ["oauth", "access_token"]) => ("oauth.token", "me"),
        ("GET", ["me", "permissions"]) => ("me.permissions", "me"),
        ("GET", ["me", "accounts"]) => ("me.accounts", "me"),
        ("GET", ["me"]) => ("me", "me"),
        ("POST", ["video-upload", id]) => ("video.upload", id),
        ("POST", [id, "feed"]) => ("feed.create", id),
        ("POST", [id, "photos"]) => ("photo.create", id),
        ("POST", [id, "videos"]) => ("video.create", id),
        ("POST", [id, "video_reels"]) => ("reels", id),
        ("POST", [id, "photo_stories"]) => ("story.create", id),
        ("POST", [id, "video_stories"]) => ("video_stories", id),
        ("POST", [id, "comments"]) => ("comment.create", id),
        ("GET", [id, "published_posts"]) => ("post.list", id),
        ("GET", [id, "stories"]) => ("story.list", id),
        ("GET", [id, "comments"]) => ("comment.list", id),
        ("GET", [id, "insights"]) => ("insights", id),
        ("POST", [id]) => ("video.publish", id),
        ("DELETE", [id]) => ("delete", id),
        ("GET", [id]) => ("node.get", id),
        _ => return None,
    })
}

impl Facebook {
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
            return self.token(common, request, &params);
        }
        let token = graph::token(request, &params).ok_or_else(|| Refused::known(104, ""))?;
        let caller = common.login.account(&token).ok_or_else(|| Refused::known(190, ""))?.to_owned();
        if let Some(error) = self.settings.errors.get(call) {
            return Err(Refused::known(*error, id));
        }
        let mut made = Made { common, caller: &caller, id, params: &params, request };
        let given = self.make(call, &mut made)?;
        let after = self.settings.errors_after.get(call);
        after.map_or(Ok(given), |error| Err(Refused::known(*error, id)))
    }

    /// What a call needs the person to have granted.
    fn check(&self, call: &str, made: &Made<'_>) -> Result<(), Refused> {
        let fields = made.params.get("fields").unwrap_or_default();
        let right = match call {
            // also how many there are
            "comment.list" => "pages_read_user_content",
            "node.get" if fields.contains("comments") => "pages_read_user_content",
            "comment.create" => "pages_manage_engagement",
            "insights" => "read_insights",
            "post.list" => "pages_read_engagement",
            "feed.create" | "photo.create" | "video.create" | "video.publish" | "delete" => {
                "pages_manage_posts"
            }
            _ => return Ok(()),
        };
        graph::check(&self.rights, made.caller, right)
    }

    fn make(&mut self, call: &str, made: &mut Made<'_>) -> Result<Value, Refused> {
        self.check(call, made)?;
        match call {
            "me" => self.me(made),
            "me.permissions" => self.permissions(made),
            "me.accounts" => self.pages(made),
            "video.upload" => self.upload(made),
            "video.publish" => self.publish_video(made),
            "node.get" => self.node(made),
            "delete" => self.delete(made),
            "comment.create" => self.comment(made),
            "comment.list" => self.list_comments(made),
            "insights" => self.insights(made),
            // what else there is, is the page's own
            _ if made.id != made.caller => Err(Refused::not_there(made.id)),
            "feed.create" => self.feed(made),
            "photo.create" => self.photo(made),
            "video.create" => self.video(made),
            "reels" => self.second_call(made, media::Kind::Reel),
            "video_stories" => self.second_call(made, media::Kind::Story),
            "story.create" => self.photo_story(made),
            "post.list" => self.list_posts(made),
            "story.list" => self.list_stories(made),
            _ => Err(Refused::not_there(made.id)),
        }
    }
}

impl Service for Facebook {
    const NAME: &'static str = "facebook";
    const RULES: Rules = Rules::PASTED;

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
            // anybody: what a person sees are pages
            return common.login.authorize(request, |name| Some(format!("person-{name}")));
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
        Ok((1_000_000_000_000 + graph::number_of(handle)).to_string())
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let settings = &mut self.settings;
        let (odd, value) = (|error: serde_json::Error| error.to_string(), value.clone());
        match name {
            "processing_seconds" => {
                settings.processing_seconds = serde_json::from_value(value).map_err(odd)?
            }
            "fetch_errors" => settings.fetch_errors = serde_json::from_value(value).map_err(odd)?,
            "errors" => settings.errors = serde_json::from_value(value).map_err(odd)?,
            "errors_after" => settings.errors_after = serde_json::from_value(value).map_err(odd)?,
            "edits" => settings.edits = serde_json::from_value(value).map_err(odd)?,
            "insights" => settings.insights = serde_json::from_value(value).map_err(odd)?,
            "page_size" => settings.page_size = serde_json::from_value(value).map_err(odd)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn figures(&self) -> Value {
        json!({"photos": self.photos.len(), "videos": self.videos.len(), "links": self.links})
    }
}
