//! YouTube: uploads that become a video with their last byte, the channel's list of them, comments.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_RANGE, CONTENT_TYPE, HOST, HeaderValue, LOCATION, RANGE, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::kit::{Client, Common, NewPost, Post, Rules, Service};
use super::ledger::{Image, rfc3339};
use super::{LoginPages, Refusal, form};
use crate::serve;

/// Bytes of an upload come in multiples of this.
const UNIT: usize = 256 * 1024;
/// What texts of a video may have: characters, bytes, characters.
const MAX_TITLE: usize = 100;
const MAX_DESCRIPTION: usize = 5_000;
const MAX_TAGS: usize = 500;

/// The simulated servers of Google.
#[derive(Default)]
pub struct YouTube {
    uploads: BTreeMap<String, Upload>,
    /// Uploads are forgotten once they are videos.
    forgets: bool,
    /// Why the next uploads are refused.
    refuses: Option<(StatusCode, String)>,
    /// No image is taken for a thumbnail.
    refuses_thumbnails: bool,
}

/// Bytes that are on their way to become a video.
struct Upload {
    account: String,
    total: usize,
    media_type: String,
    bytes: Vec<u8>,
    resource: Value,
    /// The video that it became.
    video: Option<String>,
}

/// Why a call is refused: status, reason, message.
#[derive(Clone, Copy)]
struct Refused<'a>(StatusCode, &'a str, &'a str);

const UNAUTHORIZED: Refused =
    Refused(StatusCode::UNAUTHORIZED, "authError", "Request had invalid authentication credentials.");
const NO_CHANNEL: Refused = Refused(StatusCode::UNAUTHORIZED, "youtubeSignupRequired", "Unauthorized");
const INVALID_TITLE: Refused = Refused(
    StatusCode::BAD_REQUEST,
    "invalidTitle",
    "The request metadata specifies an invalid or empty video title.",
);
const INVALID_DESCRIPTION: Refused = Refused(
    StatusCode::BAD_REQUEST,
    "invalidDescription",
    "The request metadata specifies an invalid video description.",
);
const INVALID_TAGS: Refused =
    Refused(StatusCode::BAD_REQUEST, "invalidTags", "The request metadata specifies invalid video keywords.");
const INVALID: Refused =
    Refused(StatusCode::BAD_REQUEST, "invalidVideoMetadata", "The request metadata is invalid.");
const NO_VIDEO: Refused = Refused(StatusCode::NOT_FOUND, "videoNotFound", "The video can't be found.");
const NO_COMMENT: Refused = Refused(StatusCode::NOT_FOUND, "commentNotFound", "The comment can't be found.");
const FORBIDDEN: Refused = Refused(StatusCode::FORBIDDEN, "forbidden", "Forbidden");
const NO_IMAGE: Refused =
    Refused(StatusCode::BAD_REQUEST, "invalidImage", "The provided image content is invalid.");
const NO_CALL: Refused = Refused(StatusCode::NOT_FOUND, "notFound", "There is no such call.");

impl Refused<'_> {
    fn answer(self) -> Response<Bytes> {
        let Self(status, reason, message) = self;
        let one = json!({"message": message, "domain": "youtube", "reason": reason});
        serve::json(status, &json!({"error": {"code": status.as_u16(), "message": message, "errors": [one]}}))
    }
}

type Answer = Result<Response<Bytes>, Refused<'static>>;

fn ok(body: &Value) -> Answer {
    Ok(serve::json(StatusCode::OK, body))
}

fn channel_of(account: &str) -> Value {
    json!(format!("UU{}", account.trim_start_matches("UC")))
}

/// A parameter of the address.
fn param(request: &Request<Bytes>, name: &str) -> String {
    let given = form::pairs(request.uri().query().unwrap_or_default());
    given.into_iter().find(|(found, _)| found == name).map(|(_, value)| value).unwrap_or_default()
}

fn body(request: &Request<Bytes>) -> Value {
    serde_json::from_slice(request.body()).unwrap_or_default()
}

/// What a list shows of a post, cut to the page that was asked for.
fn page(request: &Request<Bytes>, all: Vec<Value>) -> Value {
    let size = param(request, "maxResults").parse().unwrap_or(5_usize).clamp(1, 100);
    let from: usize = param(request, "pageToken").parse().unwrap_or(0);
    let mut page = json!({"pageInfo": {"totalResults": all.len()}});
    if all.len() > from + size {
        page["nextPageToken"] = json!((from + size).to_string());
    }
    page["items"] = all.into_iter().skip(from).take(size).collect();
    page
}

fn check(resource: &Value) -> Result<(), Refused<'static>> {
    let text = |name: &str| resource["snippet"][name].as_str().unwrap_or_default();
    let has_bracket = |text: &str| text.contains(['<', '>']);
    let (title, description) = (text("title"), text("description"));
    let tags: Vec<_> =
        resource["snippet"]["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let count: usize =
        tags.iter().map(|tag| tag.chars().count() + 1 + 2 * usize::from(tag.contains(' '))).sum();
    let privacy = resource["status"]["privacyStatus"].as_str().unwrap_or("public");
    if title.trim().is_empty() || title.chars().count() > MAX_TITLE || has_bracket(title) {
        Err(INVALID_TITLE)
    } else if description.len() > MAX_DESCRIPTION || has_bracket(description) {
        Err(INVALID_DESCRIPTION)
    } else if count > MAX_TAGS + 1 || tags.iter().any(|tag| has_bracket(tag)) {
        Err(INVALID_TAGS)
    } else if !["public", "unlisted", "private"].contains(&privacy) {
        Err(INVALID)
    } else {
        Ok(())
    }
}

/// `bytes 0-9/20`, or `bytes */20` of who asks.
fn range(request: &Request<Bytes>) -> Option<(Option<(usize, usize)>, usize)> {
    let text = request.headers().get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, total) = text.split_once('/')?;
    let total = total.parse().ok()?;
    if range == "*" {
        return Some((None, total));
    }
    let (first, last) = range.split_once('-')?;
    Some((Some((first.parse().ok()?, last.parse().ok()?)), total))
}

impl YouTube {
    fn open(&mut self, common: &mut Common, account: String, request: &Request<Bytes>) -> Answer {
        let resource = body(request);
        check(&resource)?;
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let total = header("x-upload-content-length").and_then(|text| text.parse().ok()).ok_or(INVALID)?;
        let media_type = header("x-upload-content-type").unwrap_or_default().to_owned();
        if !media_type.starts_with("video/") || param(request, "part") != "snippet,status" {
            return Err(INVALID);
        }
        let id = format!("upload-{}", common.shelf.next_number());
        let host = header(HOST.as_str()).unwrap_or_default();
        let address =
            format!("http://{host}/youtube/upload/youtube/v3/videos?uploadType=resumable&upload_id={id}");
        let upload = Upload { account, total, media_type, bytes: Vec::new(), resource, video: None };
        self.uploads.insert(id, upload);
        let mut answer = serve::plain(StatusCode::OK, "");
        answer.headers_mut().insert(LOCATION, HeaderValue::from_str(&address).map_err(|_| INVALID)?);
        Ok(answer)
    }

    /// Takes bytes that go on where the others end; those that it has are passed over. The last one makes the video.
    fn put(&mut self, common: &mut Common, request: &Request<Bytes>) -> Response<Bytes> {
        let id = param(request, "upload_id");
        let gone = || serve::plain(StatusCode::NOT_FOUND, "Not Found");
        let bad = || serve::plain(StatusCode::BAD_REQUEST, "Invalid request");
        let Some(upload) = self.uploads.get_mut(&id) else { return gone() };
        let Some((range, total)) = range(request) else { return bad() };
        if total != upload.total {
            return bad();
        }
        if let (Some((first, last)), None) = (range, &upload.video) {
            let sent = request.body();
            let is_whole = last + 1 == total || (last + 1) % UNIT == 0;
            if first > last || last >= total || last + 1 - first != sent.len() || !is_whole {
                return bad();
            }
            let had = upload.bytes.len();
            if first <= had && had <= last {
                upload.bytes.extend_from_slice(&sent[had - first..]);
            }
        }
        if upload.video.is_none() && upload.bytes.len() == total {
            upload.video = Some(publish(common, upload));
        }
        let Some(video) = upload.video.clone() else {
            let mut answer = serve::plain(StatusCode::PERMANENT_REDIRECT, "");
            let stored = upload.bytes.len();
            if let Ok(value) = HeaderValue::from_str(&format!("bytes=0-{}", stored.saturating_sub(1)))
                && stored > 0
            {
                answer.headers_mut().insert(RANGE, value);
            }
            return answer;
        };
        if self.forgets {
            self.uploads.remove(&id);
        }
        serve::json(StatusCode::OK, &json!({"kind": "youtube#video", "id": video}))
    }

    fn thumbnail(&self, common: &mut Common, account: &str, request: &Request<Bytes>) -> Answer {
        let id = param(request, "videoId");
        let mime =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let video = common.shelf.find_mut(&id).filter(|post| post.account == account).ok_or(NO_VIDEO)?;
        if self.refuses_thumbnails
            || !["image/jpeg", "image/png"].contains(&mime)
            || request.body().len() > 2 << 20
        {
            return Err(NO_IMAGE);
        }
        video.more["thumbnail"] = json!(request.body().len());
        ok(&json!({"kind": "youtube#thumbnailSetResponse", "items": []}))
    }

    fn carry_out(&mut self, common: &mut Common, call: &str, request: &Request<Bytes>) -> Answer {
        if let Some((status, reason)) = self.refuses.clone()
            && call == "videos.insert"
        {
            return Ok(Refused(status, &reason, "Refused, as the test wants it").answer());
        }
        let account = common.caller(request).ok_or(UNAUTHORIZED)?;
        if common.accounts.handle_of(&account).starts_with("nobody") {
            return Err(NO_CHANNEL);
        }
        match call {
            "channels.list" => ok(&json!({"items": [{
                "id": account,
                "snippet": {"title": "A channel", "customUrl": format!("@{}", common.accounts.handle_of(&account))},
                "contentDetails": {"relatedPlaylists": {"uploads": channel_of(&account)}},
            }]})),
            "videos.insert" => self.open(common, account, request),
            "thumbnails.set" => self.thumbnail(common, &account, request),
            "playlistItems.list" => {
                let is_own = param(request, "playlistId") == channel_of(&account);
                let own = |post: &&Post| is_own && post.account == account && post.reply_to.is_none();
                let items = common.shelf.newest().filter(own).map(|post| json!({"snippet": {
                    "title": post.more["title"], "description": post.more["description"],
                    "publishedAt": rfc3339(post.at), "resourceId": {"kind": "youtube#video", "videoId": post.id},
                }}));
                ok(&page(request, items.collect()))
            }
            "videos.list" => {
                let video = common.shelf.find(&param(request, "id")).filter(|post| post.reply_to.is_none());
                ok(&json!({"items": video.map(|video| json!({
                    "id": video.id, "snippet": {"channelId": video.account, "title": video.more["title"]},
                    "statistics": {"viewCount": "7", "likeCount": "2", "commentCount": "1"},
                })).into_iter().collect::<Vec<_>>()}))
            }
            "videos.delete" | "comments.delete" => {
                let id = param(request, "id");
                let missing = if call == "videos.delete" { NO_VIDEO } else { NO_COMMENT };
                let post = common.shelf.find(&id).ok_or(missing)?;
                if post.account != account {
                    return Err(FORBIDDEN);
                }
                common.shelf.remove(&id);
                Ok(serve::plain(StatusCode::NO_CONTENT, ""))
            }
            "commentThreads.insert" => {
                let snippet = &body(request)["snippet"];
                let text = snippet["topLevelComment"]["snippet"]["textOriginal"].as_str().unwrap_or_default();
                let video =
                    common.shelf.find(snippet["videoId"].as_str().unwrap_or_default()).ok_or(NO_VIDEO)?;
                let (video, uri) = (video.id.clone(), video.uri.clone());
                if text.is_empty() {
                    return Err(INVALID);
                }
                let id = format!("UgxComment{:016}", common.shelf.next_number());
                let handle = common.accounts.handle_of(&account).to_owned();
                let post = common.shelf.publish(NewPost {
                    uri: format!("https://www.youtube.com/watch?v={video}&lc={id}"),
                    key: id.clone(),
                    id,
                    account,
                    handle,
                    text: text.to_owned(),
                    reply_to: Some(uri),
                    more: json!({"video": video}),
                    ..NewPost::default()
                });
                ok(&thread(&post))
            }
            "commentThreads.list" => {
                let video = param(request, "videoId");
                let under = |post: &&Post| post.more["video"] == video.as_str();
                let threads = common.shelf.newest().filter(under).map(thread).collect();
                ok(&page(request, threads))
            }
            _ => Err(NO_CALL),
        }
    }
}

fn thread(post: &Post) -> Value {
    json!({"id": post.id, "snippet": {"videoId": post.more["video"], "topLevelComment": {"id": post.id, "snippet": {
        "textOriginal": post.text, "textDisplay": post.text, "publishedAt": rfc3339(post.at),
        "authorChannelId": {"value": post.account},
    }}}})
}

/// The ledger has descriptions for texts: they are what posts are.
fn publish(common: &mut Common, upload: &Upload) -> String {
    let Upload { account, resource, .. } = upload;
    let text = |name: &str| resource["snippet"][name].as_str().unwrap_or_default().trim().to_owned();
    let id = format!("v{:010}", common.shelf.next_number());
    let file = Image {
        alt: String::new(),
        cid: id.clone(),
        mime_type: upload.media_type.clone(),
        size: upload.bytes.len() as u64,
    };
    common.shelf.publish(NewPost {
        id: id.clone(),
        key: id.clone(),
        handle: common.accounts.handle_of(account).to_owned(),
        account: account.clone(),
        text: text("description"),
        uri: format!("https://www.youtube.com/watch?v={id}"),
        images: vec![file],
        more: json!({"title": text("title"), "description": text("description"), "status": resource["status"]}),
        ..NewPost::default()
    });
    id
}

impl Service for YouTube {
    const NAME: &'static str = "youtube";
    const RULES: Rules = Rules {
        access: Some(Duration::from_secs(3_599)),
        refreshes: true,
        rotates: false,
        client: Client::Form,
        client_id: "client_id",
        pkce: false,
        pages: Some(LoginPages { authorize: "o/oauth2/v2/auth", token: "token" }),
    };

    fn call<'a>(method: &Method, path: &'a str) -> &'a str {
        match (method.as_str(), path) {
            ("GET", "o/oauth2/v2/auth") => "authorize",
            ("POST", "token") => "token",
            ("POST", "upload/youtube/v3/videos") => "videos.insert",
            ("PUT", "upload/youtube/v3/videos") => "upload.put",
            ("POST", "upload/youtube/v3/thumbnails/set") => "thumbnails.set",
            ("GET", "youtube/v3/channels") => "channels.list",
            ("GET", "youtube/v3/videos") => "videos.list",
            ("DELETE", "youtube/v3/videos") => "videos.delete",
            ("GET", "youtube/v3/playlistItems") => "playlistItems.list",
            ("POST", "youtube/v3/commentThreads") => "commentThreads.insert",
            ("GET", "youtube/v3/commentThreads") => "commentThreads.list",
            ("DELETE", "youtube/v3/comments") => "comments.delete",
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
        match call {
            "authorize" => {
                let Common { accounts, login, .. } = common;
                login.authorize(request, |handle| accounts.id_of(handle).map(str::to_owned))
            }
            "token" => {
                common.login.token(request).map_or_else(super::kit::Refused::answer, |given| given.answer())
            }
            "upload.put" if common.caller(request).is_none() => UNAUTHORIZED.answer(),
            "upload.put" => self.put(common, request),
            _ => self.carry_out(common, call, request).unwrap_or_else(Refused::answer),
        }
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal {
            Refusal::RateLimited(wait) => {
                let slow =
                    Refused(StatusCode::FORBIDDEN, "userRateLimitExceeded", "User Rate Limit Exceeded");
                let mut answer = slow.answer();
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
                answer
            }
            Refusal::Unauthorized | Refusal::ExpiredToken => UNAUTHORIZED.answer(),
            Refusal::Odd => serve::json(
                StatusCode::UNAUTHORIZED,
                &json!({"error": {"code": "401", "errors": [7], "message": []}}),
            ),
            Refusal::Nul => Refused(INVALID.0, INVALID.1, "before\0after\u{1b}[2J").answer(),
            // there are no errors inside a success
            Refusal::ServerError | Refusal::InSuccess => {
                Refused(StatusCode::SERVICE_UNAVAILABLE, "backendError", "Backend Error").answer()
            }
        }
    }

    /// Ids of channels begin with `UC`.
    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        Ok(format!("UCchannel-of-{handle}"))
    }

    /// `forgets`: uploads are gone once they are videos. `forget_uploads`: all are gone now. `refuses`: `[status, reason]` of new
    /// uploads. `refuses_thumbnails`.
    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let flag = || value.as_bool().ok_or(format!("{name} must be true or false"));
        match name {
            "forgets" => self.forgets = flag()?,
            "forget_uploads" => self.uploads.clear(),
            "refuses_thumbnails" => self.refuses_thumbnails = flag()?,
            "refuses" => {
                let refusal: Option<(u16, String)> =
                    serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
                let status = |(status, reason)| {
                    StatusCode::from_u16(status)
                        .map(|status| (status, reason))
                        .map_err(|error| error.to_string())
                };
                self.refuses = refusal.map(status).transpose()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
