//! Photos and videos: uploaded so that nobody sees them, until something is made of them.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Facebook, Made};
use crate::sim::graph::{Params, Refused, has_passed};
use crate::sim::kit::Shelf;
use crate::sim::ledger::Image;

/// A photo.
pub(super) struct Photo {
    pub(super) owner: String,
    pub(super) image: Image,
}

/// What becomes of a video.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Feed,
    Reel,
    Story,
}

/// A video.
pub(super) struct Video {
    owner: String,
    kind: Kind,
    description: String,
    /// Where it was fetched from, and since when its bytes are there.
    fetched: Option<(String, SystemTime)>,
    /// Why it can't be processed.
    error: Option<i64>,
    /// Whether it is, or will be, shown.
    published: bool,
}

impl Video {
    fn is_processed(&self, seconds: f64) -> bool {
        self.fetched.as_ref().is_some_and(|(_, since)| has_passed(*since, seconds))
    }

    fn images(&self) -> Vec<Image> {
        let image = |(url, _): &(String, SystemTime)| image(url, "", "video/mp4");
        self.fetched.iter().map(image).collect()
    }

    /// What the platform tells of it. One that is a reel or a story is processed when it is to be published.
    fn status(&self, seconds: f64, shown: bool) -> Value {
        let phase = |status: &str| json!({"status": status});
        let (uploaded, processed) = (self.fetched.is_some(), self.is_processed(seconds));
        let word = match (self.error, processed) {
            _ if !uploaded => "uploading",
            (Some(_), true) => "error",
            (None, true) if self.kind == Kind::Feed || self.published => "ready",
            _ if self.kind == Kind::Feed => "processing",
            _ => "upload_complete",
        };
        let begun = self.kind == Kind::Feed && uploaded || self.published;
        let processing = match (begun, processed, self.error) {
            (false, ..) => "not_started",
            (true, false, _) => "in_progress",
            (true, true, Some(_)) => "error",
            (true, true, None) => "complete",
        };
        let publishing = match (self.published, shown && processing == "complete") {
            (false, _) => "not_started",
            (true, true) => "complete",
            (true, false) => "in_progress",
        };
        json!({
            "video_status": word,
            "uploading_phase": phase(if uploaded { "complete" } else { "not_started" }),
            "processing_phase": phase(processing),
            "publishing_phase": phase(publishing),
        })
    }
}

/// A file that is fetched from its address. Here nothing is: the address is all that is known of it.
fn image(url: &str, alt: &str, mime_type: &str) -> Image {
    Image { alt: alt.to_owned(), cid: url.to_owned(), mime_type: mime_type.to_owned(), size: 0 }
}

impl Facebook {
    fn fetched<'a>(&self, params: &'a Params, name: &str) -> Result<&'a str, Refused> {
        let url = params.one(name)?;
        if !url.starts_with("https://") {
            return Err(Refused::known(2069019, url));
        }
        Ok(url)
    }

    pub(super) fn photo(&mut self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let url = self.fetched(made.params, "url")?;
        if let Some(error) = self.settings.fetch_errors.get(url) {
            return Err(Refused::known(*error, url));
        }
        let alt = made.params.get("alt_text_custom").unwrap_or_default();
        let image = image(url, alt, "image/jpeg");
        let id = (122_000_000_000_000 + made.common.shelf.next_number()).to_string();
        self.photos.insert(id.clone(), Photo { owner: made.caller.to_owned(), image });
        if made.params.get("published") != Some("false") {
            let text = made.params.get("caption").unwrap_or_default().to_owned();
            let post = self.post(made, &text, &[id.as_str()])?;
            return Ok(json!({"id": id, "post_id": post}));
        }
        Ok(json!({"id": id}))
    }

    pub(super) fn video(&mut self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let url = self.fetched(made.params, "file_url")?;
        let id = (123_000_000_000_000 + made.common.shelf.next_number()).to_string();
        let video = Video {
            owner: made.caller.to_owned(),
            kind: Kind::Feed,
            description: made.params.get("description").unwrap_or_default().to_owned(),
            error: self.settings.fetch_errors.get(url).copied(),
            fetched: Some((url.to_owned(), SystemTime::now())),
            published: false,
        };
        self.videos.insert(id.clone(), video);
        if made.params.get("published") != Some("false") {
            self.show(made, &id);
        }
        Ok(json!({"id": id}))
    }

    /// Begins an upload, or publishes what was uploaded.
    pub(super) fn second_call(&mut self, made: &mut Made<'_>, kind: Kind) -> Result<Value, Refused> {
        match made.params.one("upload_phase")? {
            "start" => {
                let id = (124_000_000_000_000 + made.common.shelf.next_number()).to_string();
                let (owner, description) = (made.caller.to_owned(), String::new());
                let video = Video { owner, kind, description, fetched: None, error: None, published: false };
                self.videos.insert(id.clone(), video);
                let host = made.request.headers().get(hyper::header::HOST);
                let host = host.and_then(|host| host.to_str().ok()).unwrap_or("localhost");
                let upload_url = format!("http://{host}/facebook/video-upload/v26.0/{id}");
                Ok(json!({"video_id": id, "upload_url": upload_url}))
            }
            "finish" => {
                let id = made.params.one("video_id")?.to_owned();
                let description = made.params.get("description").unwrap_or_default().to_owned();
                let video = self.own_video(made, &id)?;
                let fits = video.kind == kind && video.fetched.is_some() && !video.published;
                if !fits || kind == Kind::Reel && made.params.get("video_state") != Some("PUBLISHED") {
                    return Err(Refused::invalid("The video can't be published"));
                }
                video.description = description;
                self.show(made, &id);
                let post = (125_000_000_000_000 + made.common.shelf.next_number()).to_string();
                Ok(json!({"success": true, "post_id": post}))
            }
            _ => Err(Refused::invalid("upload_phase must be start or finish")),
        }
    }

    /// Has the bytes of a video fetched.
    pub(super) fn upload(&mut self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let url = made.request.headers().get("file_url").and_then(|url| url.to_str().ok());
        let url = url
            .filter(|url| url.starts_with("https://"))
            .ok_or_else(|| Refused::upload("ProcessingFailedError", "Request processing failed"))?;
        let (id, error) = (made.id.to_owned(), self.settings.fetch_errors.get(url).copied());
        let video = self.own_video(made, &id)?;
        if video.fetched.is_some() {
            return Err(Refused::upload("OffsetInvalidError", "Request starting offset is invalid"));
        }
        video.fetched = Some((url.to_owned(), SystemTime::now()));
        video.error = error;
        Ok(json!({"success": true}))
    }

    /// Shows a video that was made unpublished. Asked twice it is shown once.
    pub(super) fn publish_video(&mut self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let (id, seconds) = (made.id.to_owned(), self.settings.processing_seconds);
        if made.params.get("published") != Some("true") {
            return Err(Refused::invalid("Nothing is to be changed"));
        }
        let video = self.own_video(made, &id)?;
        if video.kind != Kind::Feed || video.error.is_some() || !video.is_processed(seconds) {
            return Err(Refused::invalid("The video can't be published"));
        }
        if !video.published {
            self.show(made, &id);
        }
        Ok(json!({"success": true}))
    }

    fn own_video(&mut self, made: &Made<'_>, id: &str) -> Result<&mut Video, Refused> {
        let found = self.videos.get_mut(id).filter(|video| video.owner == made.caller);
        found.ok_or_else(|| Refused::not_there(id))
    }

    fn show(&mut self, made: &mut Made<'_>, id: &str) {
        let Some(video) = self.videos.get_mut(id) else { return };
        video.published = true;
        let (kind, path) = match video.kind {
            Kind::Feed => ("video", "videos"),
            Kind::Reel => ("reel", "reel"),
            Kind::Story => ("story", "stories"),
        };
        // a story says nothing
        let text = if video.kind == Kind::Story { "" } else { &video.description };
        let new = made.new_post(id, text, format!("https://www.facebook.com/{path}/{id}"));
        let more = json!({"kind": kind, "media": id});
        made.common.shelf.publish(crate::sim::kit::NewPost { images: video.images(), more, ..new });
    }

    /// A video as its owner sees it.
    pub(super) fn video_node(&self, shelf: &Shelf, owner: &str, id: &str) -> Option<Value> {
        let video = self.videos.get(id).filter(|video| video.owner == owner)?;
        let shown = shelf.read(id);
        // what was published and then deleted is gone
        if video.published && shelf.find(id).is_none() {
            return None;
        }
        let count = |value: u64| json!({"data": [], "summary": {"total_count": value}});
        let insight = |name: &str| self.settings.insights.get(name).copied().unwrap_or_default();
        Some(json!({
            "id": id, "status": video.status(self.settings.processing_seconds, shown.is_some()),
            "published": shown.is_some(), "description": video.description,
            "permalink_url": shown.map(|post| post.uri.replace("https://www.facebook.com", "")),
            "views": insight("views"), "likes": count(insight("likes")),
            "comments": count(super::posts::comments(shelf, id).count() as u64),
        }))
    }
}
