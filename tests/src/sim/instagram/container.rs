//! Containers: what is to be published, from the call that makes one until it is published or has expired.

use std::time::SystemTime;

use bytes::Bytes;
use hyper::{Method, Request};
use serde_json::{Value, json};

use super::State;
use super::account::{Login, Settings};
use crate::sim::bluesky::cid;
use crate::sim::graph::{Params, Refused, has_passed};
use crate::sim::ledger::Image;

const MAX_CAPTION: usize = 2_200;
const MAX_HASHTAGS: usize = 30;
const MAX_MENTIONS: usize = 20;
const CAROUSEL: std::ops::RangeInclusive<usize> = 2..=10;

/// One container.
pub(super) struct Container {
    pub(super) owner: String,
    pub(super) kind: Kind,
    pub(super) caption: String,
    pub(super) files: Vec<Image>,
    pub(super) cover: Option<String>,
    pub(super) is_child: bool,
    created: SystemTime,
    /// Since when all of it is there.
    complete: Option<SystemTime>,
    /// The bytes of what is uploaded here rather than fetched from an address.
    upload: Option<Vec<u8>>,
    /// What processing ends with.
    error: Option<i64>,
    /// What it was published as.
    pub(super) medium: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Video,
    Reel,
    Story,
    Carousel,
}

/// How far a container is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    InProgress,
    Finished,
    Published,
    Error(i64),
    Expired,
}

impl Container {
    pub(super) fn phase(&self, settings: &Settings) -> Phase {
        if self.medium.is_some() {
            return Phase::Published;
        }
        if has_passed(self.created, settings.container_seconds) {
            return Phase::Expired;
        }
        match (self.complete, self.error) {
            (Some(since), _) if !has_passed(since, settings.processing_seconds) => Phase::InProgress,
            (Some(_), Some(error)) => Phase::Error(error),
            (Some(_), None) => Phase::Finished,
            (None, _) => Phase::InProgress,
        }
    }
}

impl State {
    pub(super) fn create_container(
        &mut self,
        owner: String,
        params: &Params,
        base: &str,
    ) -> Result<Value, Refused> {
        let settings = &self.account(&owner)?.settings;
        let caption = params.get("caption").unwrap_or_default().to_owned();
        check_caption(&caption)?;
        if let Some(offset) = params.get("thumb_offset")
            && offset.parse::<u64>().is_err()
        {
            return Err(Refused::known(2207057, "0"));
        }
        let is_carousel = params.get("media_type") == Some("CAROUSEL");
        let (kind, files, error) = if is_carousel {
            (Kind::Carousel, self.children(&owner, params.one("children")?)?, None)
        } else {
            source(params, settings)?
        };
        let is_upload = files.is_empty();
        let now = SystemTime::now();
        let container = Container {
            owner,
            kind,
            caption,
            files,
            cover: params.get("cover_url").map(str::to_owned),
            is_child: params.is_true("is_carousel_item"),
            created: now,
            complete: (!is_upload).then_some(now),
            upload: is_upload.then(Vec::new),
            error,
            medium: None,
        };
        let id = self.new_id(17_889_000_000_000_000);
        self.containers.insert(id.clone(), container);
        Ok(if is_upload {
            json!({"id": id, "uri": format!("{base}/ig-api-upload/v26.0/{id}")})
        } else {
            json!({"id": id})
        })
    }

    /// The files of the containers that a carousel is made of.
    fn children(&self, owner: &str, list: &str) -> Result<Vec<Image>, Refused> {
        // a list, or a JSON array
        let ids: Vec<_> = list
            .split(',')
            .map(|id| id.trim_matches(['[', ']', '"', ' ']))
            .filter(|id| !id.is_empty())
            .collect();
        if !CAROUSEL.contains(&ids.len()) {
            return Err(Refused::known(2207028, ""));
        }
        let settings = &self.account(owner)?.settings;
        let mut files = Vec::new();
        for id in ids {
            let child = self.containers.get(id).filter(|child| child.owner == owner && child.is_child);
            let child = child.ok_or_else(|| Refused::known(2207006, id))?;
            match child.phase(settings) {
                Phase::Finished => files.extend(child.files.iter().cloned()),
                Phase::Expired => return Err(Refused::known(2207020, id)),
                _ => return Err(Refused::known(2207027, id)),
            }
        }
        Ok(files)
    }

    pub(super) fn container_status(&self, caller: &str, id: &str, params: &Params) -> Result<Value, Refused> {
        let found = self.containers.get(id).filter(|container| container.owner == caller);
        let container = found.ok_or_else(|| Refused::not_there(id))?;
        let (code, status) = match container.phase(&self.account(caller)?.settings) {
            Phase::InProgress => ("IN_PROGRESS", "In Progress: Media is still being processed.".to_owned()),
            Phase::Finished => {
                ("FINISHED", "Finished: Media has been uploaded and it is ready to be published.".to_owned())
            }
            Phase::Published => ("PUBLISHED", "Published: Media has been published.".to_owned()),
            Phase::Error(error) => {
                ("ERROR", format!("Error: Media upload has failed with error code {error}"))
            }
            Phase::Expired => {
                ("EXPIRED", "Expired: The container was not published within 24 hours.".to_owned())
            }
        };
        params.select(&json!({"id": id, "status_code": code, "status": status}))
    }

    /// Takes the next bytes of an upload, or says how many there are.
    pub(super) fn upload(
        &mut self,
        caller: &str,
        id: &str,
        request: &Request<Bytes>,
    ) -> Result<Value, Refused> {
        let number = |name: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.and_then(|value| value.parse::<usize>().ok())
        };
        let unknown = || Refused::upload("ProcessingFailedError", "Request processing failed");
        let container = self.containers.get_mut(id).filter(|container| container.owner == caller);
        let container = container.ok_or_else(unknown)?;
        let bytes = container.upload.as_mut().ok_or_else(unknown)?;
        if request.method() == Method::GET {
            return Ok(json!({"offset": bytes.len()}));
        }
        if number("offset") != Some(bytes.len()) || container.complete.is_some() {
            return Err(Refused::upload("OffsetInvalidError", "Request starting offset is invalid"));
        }
        let size = number("file_size").unwrap_or_default();
        if size == 0 || bytes.len() + request.body().len() > size {
            return Err(unknown());
        }
        bytes.extend_from_slice(request.body());
        if bytes.len() < size {
            let message = "Partial request (did not match length of file)";
            return Err(Refused::upload("PartialRequestError", message));
        }
        container.files = vec![video(&cid::of_bytes(bytes), size as u64)];
        container.complete = Some(SystemTime::now());
        Ok(json!({"success": true, "message": "Upload successful."}))
    }
}

/// What a container without children is made of: no file where that is uploaded, and the error that processing will
/// end with.
fn source(params: &Params, settings: &Settings) -> Result<(Kind, Vec<Image>, Option<i64>), Refused> {
    let is_upload = params.get("upload_type") == Some("resumable");
    let (address, is_image) = match (params.get("image_url"), params.get("video_url")) {
        (None, None) if is_upload => (None, false),
        (Some(image), None) if !is_upload => (Some(image), true),
        (None, Some(video)) if !is_upload => (Some(video), false),
        _ => return Err(Refused::invalid("One of image_url, video_url and upload_type is required")),
    };
    let kind = match (params.get("media_type"), is_image, params.is_true("is_carousel_item")) {
        (None | Some("IMAGE"), true, _) => Kind::Image,
        (Some("VIDEO"), false, true) => Kind::Video,
        (Some("REELS"), false, false) => Kind::Reel,
        (Some("STORIES"), _, false) => Kind::Story,
        (None | Some("VIDEO"), false, false) => return Err(Refused::known(2207067, "")),
        (kind, ..) => return Err(Refused::known(2207023, kind.unwrap_or_default())),
    };
    let Some(address) = address else {
        if settings.login == Login::Instagram {
            return Err(Refused::invalid("upload_type resumable needs Facebook Login for Business"));
        }
        return Ok((kind, Vec::new(), None));
    };
    let cover = params.get("cover_url").unwrap_or("https://");
    if let Some(bad) = [address, cover].into_iter().find(|address| !address.starts_with("https://")) {
        return Err(Refused::known(2207052, bad));
    }
    let told = settings.fetch_errors.get(address).copied();
    let format = extension(address).unwrap_or_default().to_ascii_lowercase();
    if is_image {
        let bad_format = !matches!(format.as_str(), "" | "jpg" | "jpeg");
        return match told.or(bad_format.then_some(2207005)) {
            Some(2207005) => Err(Refused::known(2207005, &format)),
            Some(error) => Err(Refused::known(error, address)),
            None => Ok((kind, vec![image(address, params.get("alt_text").unwrap_or_default())], None)),
        };
    }
    let bad_format = !matches!(format.as_str(), "" | "mp4" | "mov");
    Ok((kind, vec![video(address, 0)], told.or(bad_format.then_some(2207026))))
}

/// An image that is fetched from its address. Here nothing is: the address is all that is known of it.
fn image(address: &str, alt: &str) -> Image {
    Image { alt: alt.to_owned(), cid: address.to_owned(), mime_type: "image/jpeg".to_owned(), size: 0 }
}

fn video(id: &str, size: u64) -> Image {
    Image { alt: String::new(), cid: id.to_owned(), mime_type: "video/mp4".to_owned(), size }
}

/// The last part of the name of the file at an address.
fn extension(address: &str) -> Option<&str> {
    let path = address.split(['?', '#']).next()?;
    let (_, name) = path.strip_prefix("https://")?.rsplit_once('/')?;
    name.rsplit_once('.').map(|(_, extension)| extension)
}

fn check_caption(caption: &str) -> Result<(), Refused> {
    let (length, hashtags, mentions) = (caption.chars().count(), marks(caption, '#'), marks(caption, '@'));
    if length > MAX_CAPTION {
        return Err(Refused::known(2207010, &format!("{length} characters")));
    }
    if hashtags > MAX_HASHTAGS || mentions > MAX_MENTIONS {
        return Err(Refused::known(2207010, &format!("{hashtags} hashtags and {mentions} @ tags")));
    }
    Ok(())
}

/// How many words begin with a mark.
fn marks(caption: &str, mark: char) -> usize {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let characters: Vec<_> = std::iter::once(' ').chain(caption.chars()).collect();
    let begins = |three: &&[char]| !is_word(three[0]) && three[1] == mark && is_word(three[2]);
    characters.windows(3).filter(begins).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_a_mark_are_counted() {
        assert_eq!(marks("#one #two, a#b # #ünf ##x", '#'), 4);
        assert_eq!(marks("@bob mail@example.org", '@'), 1);
        assert_eq!(marks("", '#'), 0);
    }

    #[test]
    fn extensions_are_those_of_files() {
        assert_eq!(extension("https://a.example/b.c/d.PNG?x=1.gif"), Some("PNG"));
        assert_eq!(extension("https://a.example"), None);
        assert_eq!(extension("https://a.example/media/1"), None);
    }
}
