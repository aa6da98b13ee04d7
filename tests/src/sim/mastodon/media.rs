//! Media: uploaded, processed, and then part of one status.

use std::time::SystemTime;

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::instance::{MAX_DESCRIPTION, MAX_IMAGE_BYTES};
use super::parameters::Parameters;
use super::{Refused, State, id_of};
use crate::sim::VisibleImage;
use crate::sim::ledger::Image;

/// An image or a video.
pub(super) struct Media {
    id: u64,
    pub(super) account: u64,
    /// The status that it is part of.
    pub(super) status: Option<u64>,
    description: Option<String>,
    focus: Option<String>,
    mime_type: &'static str,
    bytes: Bytes,
    size: Option<(u64, u64)>,
    /// When its processing ends.
    ready_at: SystemTime,
    fails: bool,
}

impl Media {
    pub(super) fn is_processed(&self) -> bool {
        !self.fails && self.ready_at <= SystemTime::now()
    }

    pub(super) fn is_video(&self) -> bool {
        self.mime_type.starts_with("video/")
    }

    fn has_failed(&self) -> bool {
        self.fails && self.ready_at <= SystemTime::now()
    }

    pub(super) fn image(&self) -> Image {
        Image {
            alt: self.description.clone().unwrap_or_default(),
            cid: self.id.to_string(),
            mime_type: self.mime_type.to_owned(),
            size: self.bytes.len() as u64,
        }
    }

    pub(super) fn visible(&self) -> VisibleImage {
        VisibleImage {
            src: format!("/{}/system/media_attachments/{}", super::NAME, self.id),
            alt: self.description.clone().unwrap_or_default(),
            aspect_ratio: self.size,
        }
    }

    /// Takes over what a call says about it.
    fn describe(&mut self, given: &Parameters) -> Result<(), Refused> {
        if let Some(description) = given.text("description") {
            if description.chars().count() > MAX_DESCRIPTION {
                return Err(Refused::invalid(format_args!(
                    "Description is too long (maximum is {MAX_DESCRIPTION} characters)"
                )));
            }
            self.description = Some(description);
        }
        self.focus = given.text("focus").or_else(|| self.focus.take());
        Ok(())
    }
}

impl State {
    pub(super) fn upload(&mut self, me: u64, mut given: Parameters) -> Result<(StatusCode, Value), Refused> {
        let bytes = given.file.take().ok_or_else(|| Refused::invalid("File can't be blank"))?;
        let mime_type =
            sniff(&bytes).ok_or_else(|| Refused::invalid("File content type is invalid, File is invalid"))?;
        if mime_type.starts_with("image/") && bytes.len() >= MAX_IMAGE_BYTES {
            let too_big = "File file size must be less than 16 MB, File must be less than 16 MB";
            return Err(Refused::invalid(too_big));
        }
        let size = imagesize::blob_size(&bytes).ok().map(|size| (size.width as u64, size.height as u64));
        let id = self.next_id();
        let mut media = Media {
            id,
            account: me,
            status: None,
            description: None,
            focus: None,
            mime_type,
            bytes,
            size,
            ready_at: SystemTime::now() + self.settings.processing(),
            fails: self.settings.processing_fails,
        };
        media.describe(&given)?;
        let status = if media.is_processed() { StatusCode::OK } else { StatusCode::ACCEPTED };
        let body = self.media_json(&media);
        self.media.insert(id, media);
        Ok((status, body))
    }

    /// Media that is not part of a status yet: the others are not found.
    fn free_media(&mut self, me: u64, id: u64) -> Result<&mut Media, Refused> {
        let own = |media: &&mut Media| media.account == me && media.status.is_none();
        let media = self.media.get_mut(&id).filter(own).ok_or_else(Refused::not_found)?;
        if media.has_failed() {
            return Err(Refused::unprocessable("Error processing thumbnail for uploaded media"));
        }
        Ok(media)
    }

    pub(super) fn describe_media(&mut self, me: u64, id: u64, given: &Parameters) -> Result<(), Refused> {
        self.free_media(me, id)?.describe(given)
    }

    pub(super) fn media_of(&mut self, me: u64, id: u64) -> Result<(StatusCode, Value), Refused> {
        let is_processed = self.free_media(me, id)?.is_processed();
        let status = if is_processed { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
        Ok((status, self.media.get(&id).map(|media| self.media_json(media)).unwrap_or_default()))
    }

    pub(super) fn file(&self, id: u64) -> Option<(&'static str, Bytes)> {
        self.media.get(&id).map(|media| (media.mime_type, media.bytes.clone()))
    }

    pub(super) fn media_json(&self, media: &Media) -> Value {
        let url = format!("{}/system/media_attachments/{}", self.base, media.id);
        let kind = match media.mime_type {
            "image/gif" => "gifv",
            other => other.split('/').next().unwrap_or_default(),
        };
        let mut meta = json!({});
        if let Some((width, height)) = media.size {
            meta["original"] = json!({
                "width": width, "height": height, "size": format!("{width}x{height}"),
                "aspect": width as f64 / height.max(1) as f64,
            });
        }
        if let Some((x, y)) = media.focus.as_ref().and_then(|focus| focus.split_once(',')) {
            meta["focus"] = json!({"x": x.parse().unwrap_or(0.0), "y": y.parse().unwrap_or(0.0)});
        }
        json!({
            "id": id_of(media.id), "type": kind, "url": media.is_processed().then_some(&url), "preview_url": url,
            "remote_url": null, "preview_remote_url": null, "text_url": null, "meta": meta,
            "description": media.description, "blurhash": null,
        })
    }
}

/// The type that the bytes show.
fn sniff(bytes: &[u8]) -> Option<&'static str> {
    match imagesize::image_type(bytes) {
        Ok(imagesize::ImageType::Png) => Some("image/png"),
        Ok(imagesize::ImageType::Jpeg) => Some("image/jpeg"),
        Ok(imagesize::ImageType::Gif) => Some("image/gif"),
        Ok(imagesize::ImageType::Webp) => Some("image/webp"),
        _ if bytes.get(4..12) == Some(b"ftypqt  ") => Some("video/quicktime"),
        _ if bytes.get(4..8) == Some(b"ftyp") => Some("video/mp4"),
        _ if bytes.starts_with(b"\x1a\x45\xdf\xa3") => Some("video/webm"),
        _ => None,
    }
}
