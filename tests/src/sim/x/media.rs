//! Media: opened, sent in pieces, closed, and then processed before a tweet may show it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::{Request, StatusCode};
use imagesize::ImageType;
use serde_json::{Value, json};

use super::problem::Refused;
use super::settings::Settings;
use super::{Query, State, json_body, unix};
use crate::sim::form;

/// How long an upload can be used.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_SEGMENT: usize = 5 * 1024 * 1024;
const MAX_SEGMENT_INDEX: u64 = 999;
const MAX_ALT: usize = 1_000;

/// One upload.
pub(super) struct Upload {
    /// The id of its account.
    account: String,
    pub(super) kind: Kind,
    /// The type: what the bytes show, or where they show none, what was stated.
    pub(super) media_type: String,
    total: u64,
    segments: BTreeMap<u64, Bytes>,
    opened: SystemTime,
    /// When it was closed, and all its bytes.
    closed: Option<(SystemTime, Bytes)>,
    pub(super) alt: String,
    /// Whether a tweet shows it.
    pub(super) used: bool,
}

/// What an upload is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Gif,
    Video,
}

impl Kind {
    /// By category or, where none is stated, by type.
    fn of(category: Option<&str>, media_type: &str) -> Option<Self> {
        let kind = match category {
            Some("tweet_image") => Self::Image,
            Some("tweet_gif") => Self::Gif,
            Some("tweet_video") => Self::Video,
            Some(_) => return None,
            None if media_type.starts_with("video/") => Self::Video,
            None => Self::Image,
        };
        let fits = match kind {
            Self::Image => ["image/jpeg", "image/png", "image/webp", "image/gif"].contains(&media_type),
            Self::Gif => media_type == "image/gif",
            Self::Video => ["video/mp4", "video/quicktime"].contains(&media_type),
        };
        fits.then_some(kind)
    }

    fn max_bytes(self) -> u64 {
        let mebibytes = match self {
            Self::Image => 5,
            Self::Gif => 15,
            Self::Video => 512,
        };
        mebibytes * 1024 * 1024
    }

    /// The type that the bytes show, if they are of this kind. Videos are looked at when they are processed.
    fn sniff(self, bytes: &[u8]) -> Option<&'static str> {
        match (self, imagesize::image_type(bytes).ok()?) {
            (Self::Image, ImageType::Jpeg) => Some("image/jpeg"),
            (Self::Image, ImageType::Png) => Some("image/png"),
            (Self::Image, ImageType::Webp) => Some("image/webp"),
            (Self::Image | Self::Gif, ImageType::Gif) => Some("image/gif"),
            _ => None,
        }
    }
}

/// How the processing of an upload stands.
#[derive(Debug, PartialEq)]
enum Progress {
    /// It is an image, which needs none.
    Unneeded,
    /// It goes on: how long still, and how much is done.
    Running(Duration, f64),
    Failed,
    Succeeded,
}

impl Upload {
    /// All bytes, once it was closed.
    pub(super) fn bytes(&self) -> Option<&Bytes> {
        self.closed.as_ref().map(|(_, bytes)| bytes)
    }

    /// What names it in a tweet.
    pub(super) fn key(&self, id: &str) -> String {
        let prefix = match self.kind {
            Kind::Image => 3,
            Kind::Video => 7,
            Kind::Gif => 16,
        };
        format!("{prefix}_{id}")
    }

    /// Whether a tweet of an account may show it.
    pub(super) fn is_ready(&self, account: &str, settings: &Settings) -> bool {
        let done = matches!(self.progress(settings), Some(Progress::Unneeded | Progress::Succeeded));
        done && !self.used && self.account == account && self.left() > Duration::ZERO
    }

    /// How long it can still be used.
    fn left(&self) -> Duration {
        LIFE.saturating_sub(self.opened.elapsed().unwrap_or_default())
    }

    /// How processing stands, once it was closed.
    fn progress(&self, settings: &Settings) -> Option<Progress> {
        let (since, bytes) = self.closed.as_ref()?;
        if self.kind == Kind::Image {
            return Some(Progress::Unneeded);
        }
        let (needed, spent) = (settings.processing(), since.elapsed().unwrap_or_default());
        if spent < needed {
            return Some(Progress::Running(needed - spent, spent.as_secs_f64() / needed.as_secs_f64()));
        }
        // every MP4 and every QuickTime film begins so
        let is_film = bytes.get(4..8) == Some(b"ftyp");
        let fails = settings.processing_fails || (self.kind == Kind::Video && !is_film);
        Some(if fails { Progress::Failed } else { Progress::Succeeded })
    }

    fn describe(&self, id: &str, processing: Option<Value>) -> Value {
        let mut data = json!({
            "id": id, "media_key": self.key(id), "size": self.total,
            "expires_after_secs": self.left().as_secs(),
        });
        if let Some(processing) = processing {
            data["processing_info"] = processing;
        }
        json!({"data": data})
    }

    /// Puts the pieces together, if they are all there.
    fn whole(&self) -> Option<Bytes> {
        let in_order = self.segments.keys().copied().eq(0..self.segments.len() as u64);
        let bytes = Bytes::from(self.segments.values().flatten().copied().collect::<Vec<u8>>());
        (in_order && bytes.len() as u64 == self.total).then_some(bytes)
    }
}

impl State {
    pub(super) fn initialize_media(&mut self, me: &str, request: &Request<Bytes>) -> Result<Value, Refused> {
        let input = json_body(request)?;
        let total = input["total_bytes"].as_u64().unwrap_or_default();
        let media_type = input["media_type"].as_str().unwrap_or_default();
        let category = input.get("media_category");
        let kind = Kind::of(category.map(|category| category.as_str().unwrap_or_default()), media_type)
            .ok_or_else(|| {
                let message = "The media type does not fit the media category.";
                Refused::invalid("media_type", &input["media_type"], message)
            })?;
        if !(1..=kind.max_bytes()).contains(&total) {
            let message = format!("Must be between 1 and {} for this media category.", kind.max_bytes());
            return Err(Refused::invalid("total_bytes", &input["total_bytes"], message));
        }
        let id = self.next_id().to_string();
        let upload = Upload {
            account: me.to_owned(),
            kind,
            media_type: media_type.to_owned(),
            total,
            segments: BTreeMap::new(),
            opened: SystemTime::now(),
            closed: None,
            alt: String::new(),
            used: false,
        };
        let answer = upload.describe(&id, None);
        self.uploads.insert(id, upload);
        Ok(answer)
    }

    /// Takes a piece. Pieces may come in any order, and one that comes again replaces itself.
    pub(super) fn append_media(
        &mut self,
        me: &str,
        id: &str,
        request: &Request<Bytes>,
    ) -> Result<Value, Refused> {
        let upload = self.own_upload(me, id)?;
        if upload.closed.is_some() {
            return Err(Refused::invalid("id", &json!(id), "The upload was finalized."));
        }
        let parts = form::parts(request).unwrap_or_default();
        let part = |name: &str| parts.iter().find(|part| part.name == name).map(|part| &part.bytes);
        let index = part("segment_index").and_then(|index| std::str::from_utf8(index).ok()?.parse().ok());
        let index = index.filter(|index| *index <= MAX_SEGMENT_INDEX).ok_or_else(|| {
            Refused::invalid("segment_index", &Value::Null, "Must be a number between 0 and 999.")
        })?;
        let media =
            part("media").filter(|media| (1..=MAX_SEGMENT).contains(&media.len())).ok_or_else(|| {
                Refused::invalid("media", &Value::Null, "Must be a file of at most 5 MB in a multipart form.")
            })?;
        upload.segments.insert(index, media.clone());
        Ok(json!({"data": {"expires_at": unix(SystemTime::now() + upload.left())}}))
    }

    /// Closes an upload. Doing so again changes nothing.
    pub(super) fn finalize_media(&mut self, me: &str, id: &str) -> Result<Value, Refused> {
        let wait = self.settings.check_after_seconds;
        let upload = self.own_upload(me, id)?;
        if upload.closed.is_none() {
            let bytes = upload.whole().ok_or_else(|| {
                Refused::invalid("id", &json!(id), "The segments are not all there, or too much is.")
            })?;
            if upload.kind != Kind::Video {
                let found = upload.kind.sniff(&bytes);
                let unknown = || Refused::invalid("id", &json!(id), "media type unrecognized.");
                upload.media_type = found.ok_or_else(unknown)?.to_owned();
            }
            upload.segments.clear();
            upload.closed = Some((SystemTime::now(), bytes));
        }
        let processing = json!({"state": "pending", "check_after_secs": wait});
        Ok(upload.describe(id, (upload.kind != Kind::Image).then_some(processing)))
    }

    pub(super) fn media_status(&mut self, me: &str, query: &Query) -> Result<Value, Refused> {
        query.knows(&["command", "media_id"])?;
        let command = query.get("command").unwrap_or_default();
        if command != "STATUS" {
            return Err(Refused::invalid("command", &json!(command), "Must be STATUS."));
        }
        let id = query.get("media_id").unwrap_or_default();
        let settings = self.settings.clone();
        let upload = self.own_upload(me, id)?;
        let progress = upload
            .progress(&settings)
            .ok_or_else(|| Refused::invalid("media_id", &json!(id), "The upload was not finalized."))?;
        let processing = match progress {
            Progress::Unneeded => None,
            Progress::Running(left, done) => Some(json!({
                "state": "in_progress", "progress_percent": (done * 100.0) as u64,
                "check_after_secs": (left.as_secs() + 1).min(settings.check_after_seconds.into()),
            })),
            Progress::Failed => Some(json!({
                "state": "failed", "progress_percent": 100,
                "error": {"code": 1, "name": "InvalidMedia", "message": "Unsupported video format"},
            })),
            Progress::Succeeded => Some(json!({"state": "succeeded", "progress_percent": 100})),
        };
        Ok(upload.describe(id, processing))
    }

    pub(super) fn describe_media(&mut self, me: &str, request: &Request<Bytes>) -> Result<Value, Refused> {
        let input = json_body(request)?;
        let given = &input["metadata"]["alt_text"]["text"];
        let alt =
            given.as_str().filter(|alt| (1..=MAX_ALT).contains(&alt.chars().count())).ok_or_else(|| {
                Refused::invalid("metadata.alt_text.text", given, "Must have between 1 and 1000 characters.")
            })?;
        let id = input["id"].as_str().unwrap_or_default();
        self.own_upload(me, id)?.alt = alt.to_owned();
        Ok(json!({"data": {"id": id, "associated_metadata": {"alt_text": {"text": alt}}}}))
    }

    fn own_upload(&mut self, me: &str, id: &str) -> Result<&mut Upload, Refused> {
        let own = |upload: &&mut Upload| upload.account == me && upload.left() > Duration::ZERO;
        self.uploads
            .get_mut(id)
            .filter(own)
            .ok_or_else(|| Refused::blank(StatusCode::NOT_FOUND, format!("Could not find media: [{id}].")))
    }
}
