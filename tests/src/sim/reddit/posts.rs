//! Posts and comments: what is accepted as one.

use serde_json::{Value, json};

use super::{Given, Reddit, Refused, listed};
use crate::sim::kit::{Common, NewPost};
use crate::sim::ledger::Image;

/// Subreddits where nothing is asked.
const OPEN: [&str; 2] = ["rust", "pics"];
/// The most characters of a title, of a text, of a comment, of a caption.
const MAX_TITLE: usize = 300;
const MAX_TEXT: usize = 40_000;
const MAX_COMMENT: usize = 10_000;
const MAX_CAPTION: usize = 180;

/// A post that is to be made.
struct Draft {
    subreddit: String,
    title: String,
    text: String,
    kind: String,
    url: String,
    images: Vec<Image>,
    more: Value,
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// What a subreddit asks of a post.
fn allowed(subreddit: &str, kind: &str, has_flair: bool) -> Result<(), Refused> {
    let refused = |code, words| Err(listed(code, words, "sr"));
    match (subreddit.to_ascii_lowercase().as_str(), kind) {
        ("", _) => refused("SUBREDDIT_REQUIRED", "you must specify a subreddit"),
        ("secret", _) => refused("SUBREDDIT_NOTALLOWED", "you aren't allowed to post there."),
        ("textonly", "self") | ("linksonly", "link") => Ok(()),
        ("textonly", _) => refused("NO_LINKS", "This community only allows text posts"),
        ("linksonly", _) => refused("NO_SELFS", "This community doesn't allow text posts"),
        ("flaired", _) if !has_flair => {
            Err(Refused::Rules("SUBMIT_VALIDATION_FLAIR_REQUIRED", "Your post must contain post flair."))
        }
        ("flaired", _) => Ok(()),
        (name, _) if OPEN.contains(&name) || name.starts_with("u_") => Ok(()),
        _ => refused("SUBREDDIT_NOEXIST", "that subreddit doesn't exist"),
    }
}

impl Reddit {
    /// Whether the account may post or comment now.
    fn on_time(&self) -> Result<(), Refused> {
        self.take_a_break.map_or(Ok(()), |seconds| Err(Refused::TooSoon(seconds)))
    }

    pub(super) fn submit(
        &mut self,
        common: &mut Common,
        account: String,
        given: &Given,
    ) -> Result<Value, Refused> {
        let (kind, url) = (given.get("kind"), given.get("url"));
        self.check(given.get("sr"), given.get("title"), given.get("text"), kind, given.get("flair_id"))?;
        let mut draft = Draft {
            subreddit: given.get("sr").to_owned(),
            title: given.get("title").to_owned(),
            text: given.get("text").to_owned(),
            kind: kind.to_owned(),
            url: url.to_owned(),
            images: vec![],
            more: json!({"nsfw": given.says("nsfw"), "spoiler": given.says("spoiler"),
                         "flair": given.get("flair_text"), "sendreplies": given.says("sendreplies")}),
        };
        match kind {
            "self" => {}
            "link" if !url.starts_with("http") => return Err(listed("NO_URL", "a url is required", "url")),
            "link" => {
                let is_there = common
                    .shelf
                    .all()
                    .any(|post| post.more["url"] == url && post.more["subreddit"] == given.get("sr"));
                if is_there && !given.says("resubmit") {
                    return Err(listed("ALREADY_SUB", "that link has already been submitted", "url"));
                }
            }
            "image" => {
                let file = self.uploads.sent(url, &account, "image").ok_or(bad_url())?;
                draft.url = format!("https://i.redd.it/{}.{}", file.id, file.ending);
                draft.images.push(file.image);
            }
            "video" => {
                let poster = self.uploads.sent(given.get("video_poster_url"), &account, "image");
                let file = self.uploads.sent(url, &account, "video").ok_or(bad_url())?;
                if poster.is_none() {
                    return Err(listed("MISSING_VIDEO_URLS", "a video needs a poster", "video_poster_url"));
                }
                draft.url = format!("https://v.redd.it/{}", file.id);
                draft.images.push(file.image);
            }
            _ => return Err(listed("INVALID_OPTION", "that option is not valid", "kind")),
        }
        let page = format!("https://www.reddit.com/user/{}/submitted/", common.accounts.handle_of(&account));
        if matches!(kind, "image" | "video") {
            let websocket = format!("wss://ws.example/{}?m=AQAA", url.rsplit('/').next().unwrap_or_default());
            if !self.processing_fails {
                publish(common, account, draft);
            }
            let data = json!({"user_submitted_page": page, "websocket_url": websocket});
            return Ok(json!({"json": {"errors": [], "data": data}}));
        }
        let (name, uri) = publish(common, account, draft);
        let data = json!({"url": uri, "drafts_count": 0, "id": name.trim_start_matches("t3_"), "name": name});
        Ok(json!({"json": {"errors": [], "data": data}}))
    }

    /// A gallery, which is JSON.
    pub(super) fn submit_gallery(
        &mut self,
        common: &mut Common,
        account: String,
        body: &[u8],
    ) -> Result<Value, Refused> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        self.check(&text("sr"), &text("title"), &text("text"), "gallery", &text("flair_id"))?;
        let items = body["items"].as_array().cloned().unwrap_or_default();
        if !(2..=20).contains(&items.len()) {
            return Err(listed("INVALID_OPTION", "a gallery has 2 to 20 images", "items"));
        }
        let image = |item: &Value| {
            let caption = item["caption"].as_str().unwrap_or_default();
            let id = item["media_id"].as_str().unwrap_or_default();
            let file = self.uploads.sent(id, &account, "image").filter(|_| length(caption) <= MAX_CAPTION);
            file.map(|file| Image { alt: caption.to_owned(), ..file.image }).ok_or(bad_url())
        };
        let images = items.iter().map(image).collect::<Result<Vec<_>, _>>()?;
        let draft = Draft {
            subreddit: text("sr"),
            title: text("title"),
            text: text("text"),
            kind: "gallery".to_owned(),
            url: String::new(),
            images,
            more: json!({"nsfw": body["nsfw"], "spoiler": body["spoiler"], "flair": body["flair_text"]}),
        };
        let (name, uri) = publish(common, account, draft);
        Ok(json!({"json": {"errors": [], "data": {"url": uri, "id": name}}}))
    }

    fn check(
        &self,
        subreddit: &str,
        title: &str,
        text: &str,
        kind: &str,
        flair: &str,
    ) -> Result<(), Refused> {
        allowed(subreddit, kind, !flair.is_empty())?;
        if title.trim().is_empty() {
            return Err(listed("NO_TEXT", "we need something here", "title"));
        }
        if length(title) > MAX_TITLE {
            return Err(listed("TOO_LONG", "this is too long (max: 300)", "title"));
        }
        if length(text) > MAX_TEXT {
            return Err(listed("TOO_LONG", "this is too long (max: 40000)", "text"));
        }
        self.on_time()
    }

    /// A comment on a post or a comment.
    pub(super) fn comment(
        &mut self,
        common: &mut Common,
        account: String,
        given: &Given,
    ) -> Result<Value, Refused> {
        let (on, text) = (given.get("thing_id"), given.get("text"));
        let above = common.shelf.find(on).ok_or(Refused::Status(hyper::StatusCode::FORBIDDEN))?;
        let post = above.more["link_id"].as_str().unwrap_or(on).to_owned();
        if text.trim().is_empty() {
            return Err(listed("NO_TEXT", "we need something here", "text"));
        }
        if length(text) > MAX_COMMENT {
            return Err(listed("TOO_LONG", "this is too long (max: 10000)", "text"));
        }
        self.on_time()?;
        let number = common.shelf.next_number();
        let (name, handle) = (format!("t1_k2f{number}"), common.accounts.handle_of(&account).to_owned());
        let uri = format!(
            "https://www.reddit.com/comments/{}/_/{}/",
            post.trim_start_matches("t3_"),
            name.trim_start_matches("t1_")
        );
        let made = common.shelf.publish(NewPost {
            id: name.clone(),
            key: name,
            account,
            handle,
            text: text.to_owned(),
            uri,
            reply_to: Some(on.to_owned()),
            images: vec![],
            more: json!({"link_id": post}),
        });
        let things = json!([{"kind": "t1", "data": super::lists::show(&made)}]);
        Ok(json!({"json": {"errors": [], "data": {"things": things}}}))
    }
}

fn bad_url() -> Refused {
    listed("BAD_URL", "you should check that url", "url")
}

/// Makes the post visible: its full name and its address.
fn publish(common: &mut Common, account: String, draft: Draft) -> (String, String) {
    let id = format!("1kh{}", common.shelf.next_number());
    let (name, handle) = (format!("t3_{id}"), common.accounts.handle_of(&account).to_owned());
    let uri = format!("https://www.reddit.com/r/{}/comments/{id}/", draft.subreddit);
    let mut more = draft.more;
    more["subreddit"] = json!(draft.subreddit);
    // of spaces in a title one stays
    more["title"] = json!(draft.title.split_whitespace().collect::<Vec<_>>().join(" "));
    more["kind"] = json!(draft.kind);
    more["url"] = json!(draft.url);
    common.shelf.publish(NewPost {
        id: name.clone(),
        key: name.clone(),
        account,
        handle,
        text: draft.text,
        uri: uri.clone(),
        images: draft.images,
        more,
        ..NewPost::default()
    });
    (name, uri)
}
