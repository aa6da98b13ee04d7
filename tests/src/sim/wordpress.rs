//! A WordPress site. What it answers is what version 6.1 answered.

use bytes::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::Refusal;
use super::form;
use super::kit::{self, Common, NewPost, Post, Rules, Service};
use super::ledger::Image;
use crate::serve;

/// The simulated site.
#[derive(Default)]
pub struct WordPress {
    media: Vec<Medium>,
}

/// A file in the library.
struct Medium {
    id: u64,
    author: u64,
    slug: String,
    image: Image,
}

/// Why a call is refused: status, code, message.
#[derive(Clone, Copy)]
struct Refused(u16, &'static str, &'static str);

const NOT_LOGGED_IN: Refused = Refused(401, "rest_not_logged_in", "You are not currently logged in.");
const CANNOT_CREATE: Refused =
    Refused(401, "rest_cannot_create", "Sorry, you are not allowed to create posts as this user.");
const NO_SUCH_POST: Refused = Refused(404, "rest_post_invalid_id", "Invalid post ID.");
const NO_SUCH_CALL: Refused =
    Refused(404, "rest_no_route", "No route was found matching the URL and request method.");
const INVALID: Refused = Refused(400, "rest_invalid_param", "Invalid parameter(s): status");
const EMPTY: Refused = Refused(400, "empty_content", "Content, title, and excerpt are empty.");
const NO_DATA: Refused = Refused(400, "rest_upload_no_data", "No data supplied.");
const FILE_TYPE: Refused =
    Refused(500, "rest_upload_unknown_error", "Sorry, you are not allowed to upload this file type.");
const CRITICAL: Refused =
    Refused(500, "internal_server_error", "<p>There has been a critical error on this website.</p>");

impl Refused {
    fn answer(self) -> Response<Bytes> {
        let Self(status, code, message) = self;
        let body = json!({"code": code, "message": message, "data": {"status": status}});
        serve::json(StatusCode::from_u16(status).unwrap_or_default(), &body)
    }
}

/// A list, which also says how many there are.
fn list(items: &[Value]) -> Response<Bytes> {
    let mut answer = serve::json(StatusCode::OK, &json!(items));
    answer.headers_mut().insert("x-wp-total", HeaderValue::from(items.len()));
    answer
}

/// Ids are numbers that the site counts.
fn number(id: &str) -> u64 {
    id.parse().unwrap_or_default()
}

fn show(post: &Post) -> Value {
    json!({"id": number(&post.id), "slug": post.more["slug"], "status": post.more["status"], "link": post.uri,
           "author": number(&post.account), "featured_media": post.more["featured_media"]})
}

impl WordPress {
    fn publish(
        &self,
        common: &mut Common,
        account: String,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Refused> {
        let body: Value = serde_json::from_slice(request.body()).map_err(|_| INVALID)?;
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        if !["publish", "draft"].contains(&text("status")) {
            return Err(INVALID);
        }
        if text("title").is_empty() && text("content").is_empty() {
            return Err(EMPTY);
        }
        let id = common.shelf.next_number();
        let slug = free(common, text("slug"));
        let featured = self.media.iter().find(|medium| Some(medium.id) == body["featured_media"].as_u64());
        let within = |medium: &&Medium| text("content").contains(&format!("wp-image-{}\"", medium.id));
        let shown = featured.into_iter().chain(self.media.iter().filter(within));
        let handle = common.accounts.handle_of(&account).to_owned();
        let post = common.shelf.publish(NewPost {
            id: id.to_string(),
            key: text("slug").to_owned(),
            text: plain(text("content")),
            uri: format!("https://{handle}.example/{slug}/"),
            images: shown.map(|medium| medium.image.clone()).collect(),
            more: json!({"slug": slug, "status": text("status"), "content": text("content"), "title": text("title"),
                         "excerpt": body["excerpt"], "tags": body["tags"],
                         "featured_media": featured.map_or(0, |medium| medium.id)}),
            account,
            handle,
            ..NewPost::default()
        });
        Ok(serve::json(StatusCode::CREATED, &show(&post)))
    }

    fn upload(
        &mut self,
        common: &mut Common,
        account: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Refused> {
        let parts = form::parts(request).ok_or(NO_DATA)?;
        let find = |name: &str| parts.iter().find(|part| part.name == name).map(|part| &part.bytes);
        let text = |name: &str| {
            find(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
        };
        let bytes = find("file").ok_or(NO_DATA)?;
        let size = u64::try_from(bytes.len()).unwrap_or_default();
        let mime_type = match imagesize::image_type(bytes) {
            Ok(imagesize::ImageType::Png) => "image/png",
            Ok(imagesize::ImageType::Jpeg) => "image/jpeg",
            Ok(imagesize::ImageType::Gif) => "image/gif",
            _ => return Err(FILE_TYPE),
        };
        let id = common.shelf.next_number();
        let taken = self.media.iter().filter(|medium| medium.slug.starts_with(&text("slug"))).count();
        let slug = if taken == 0 { text("slug") } else { format!("{}-{}", text("slug"), taken + 1) };
        let image = Image { alt: text("alt_text"), cid: slug.clone(), mime_type: mime_type.into(), size };
        self.media.push(Medium { id, author: number(account), slug, image });
        let shown = self.media.last().map(show_medium);
        Ok(serve::json(StatusCode::CREATED, &json!(shown)))
    }

    fn called(
        &mut self,
        common: &mut Common,
        call: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Refused> {
        let known = caller(common, request);
        let who = |why: Refused| known.clone().ok_or(why);
        let query = form::pairs(request.uri().query().unwrap_or_default());
        let slugs = || {
            let named = query.iter().find(|(name, _)| name == "slug").map(|(_, value)| value.as_str());
            named.unwrap_or_default().split(',').collect::<Vec<_>>()
        };
        let id = path.rsplit('/').next().unwrap_or_default();
        let ok = |body: &Value| Ok(serve::json(StatusCode::OK, body));
        match call {
            "index" => ok(&json!({"name": "A site"})),
            "users.me" => {
                let id = who(NOT_LOGGED_IN)?;
                let rights = json!({"edit_posts": true, "publish_posts": true, "edit_published_posts": true, "upload_files": true});
                let name = common.accounts.handle_of(&id);
                ok(&json!({"id": number(&id), "username": name, "capabilities": rights}))
            }
            "media.list" => {
                who(NOT_LOGGED_IN)?;
                let named = self.media.iter().filter(|medium| slugs().contains(&medium.slug.as_str()));
                Ok(list(&named.map(show_medium).collect::<Vec<_>>()))
            }
            "media.create" => {
                let id = who(CANNOT_CREATE)?;
                self.upload(common, &id, request)
            }
            "posts.create" => {
                let id = who(CANNOT_CREATE)?;
                self.publish(common, id, request)
            }
            "posts.list" => {
                who(NOT_LOGGED_IN)?;
                let named = common
                    .shelf
                    .newest()
                    .filter(|post| slugs().iter().any(|slug| post.more["slug"] == **slug));
                Ok(list(&named.map(show).collect::<Vec<_>>()))
            }
            "posts.get" => ok(&common.shelf.read(id).map(show).ok_or(NO_SUCH_POST)?),
            "posts.delete" => {
                who(NOT_LOGGED_IN)?;
                if common.shelf.remove(id) { ok(&json!({"deleted": true})) } else { Err(NO_SUCH_POST) }
            }
            "comments.list" => Ok(list(&[])),
            _ => Err(NO_SUCH_CALL),
        }
    }
}

/// Who says a name and a password.
fn caller(common: &Common, request: &Request<Bytes>) -> Option<String> {
    let (name, password) = kit::basic(request)?;
    let id = common.login.account(&password)?;
    (common.accounts.handle_of(id) == name).then(|| id.to_owned())
}

/// A slug that is taken gets a number: WordPress never refuses one.
fn free(common: &Common, slug: &str) -> String {
    let is_taken = |slug: &str| common.shelf.all().any(|post| post.more["slug"] == slug);
    let next = (2..).map(|number| format!("{slug}-{number}")).find(|next| !is_taken(next));
    if is_taken(slug) { next.unwrap_or_default() } else { slug.to_owned() }
}

fn show_medium(medium: &Medium) -> Value {
    let source = format!("https://site.example/wp-content/uploads/{}.png", medium.slug);
    json!({"id": medium.id, "slug": medium.slug, "source_url": source, "author": medium.author})
}

/// The text of a post without its markup: what tests look for.
fn plain(html: &str) -> String {
    let text = html.split("<figure").next().unwrap_or_default();
    let text =
        text.replace("</p>\n<p>", "\n\n").replace("<p>", "").replace("</p>", "").replace("<br />", "\n");
    let text = text.replace("&#091;", "[").replace("&#093;", "]").replace("&quot;", "\"");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").trim_end().to_owned()
}

impl Service for WordPress {
    const NAME: &'static str = "wordpress";
    const RULES: Rules = Rules::PASTED;

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        let path = path.trim_end_matches('/');
        let Some(rest) = path.strip_prefix("wp-json/wp/v2/") else {
            return if path == "wp-json" { "index" } else { path };
        };
        match (method.as_str(), rest.split_once('/').map_or(rest, |(first, _)| first), rest.contains('/')) {
            ("GET", "users", true) => "users.me",
            ("GET", "media", false) => "media.list",
            ("POST", "media", false) => "media.create",
            ("POST", "posts", false) => "posts.create",
            ("GET", "posts", false) => "posts.list",
            ("GET", "posts", true) => "posts.get",
            ("DELETE", "posts", true) => "posts.delete",
            ("GET", "comments", false) => "comments.list",
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
        self.called(common, call, path, request).unwrap_or_else(Refused::answer)
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal {
            Refusal::RateLimited(wait) => {
                // not of WordPress itself, but of what stands before it
                let mut answer = serve::plain(StatusCode::TOO_MANY_REQUESTS, "Too many requests\n");
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
                answer
            }
            Refusal::Unauthorized | Refusal::ExpiredToken => NOT_LOGGED_IN.answer(),
            Refusal::Odd => {
                let body = json!({"code": "rest_not_logged_in", "message": [], "data": "401"});
                serve::json(StatusCode::UNAUTHORIZED, &body)
            }
            Refusal::Nul => Refused(INVALID.0, INVALID.1, "before\0after\u{1b}[2J").answer(),
            // such answers it has none
            Refusal::ServerError | Refusal::InSuccess => CRITICAL.answer(),
        }
    }

    /// Ids are numbers.
    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        Ok(kit::numeric_id(handle))
    }
}
