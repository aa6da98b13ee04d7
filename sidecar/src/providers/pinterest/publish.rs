//! The pin: written down once, sent as it was written.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::pinterest::{self, PLATFORM, Settings, is_carried};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::{Api, is_id, read};
use super::media::parse;
use crate::media::Fetcher;
use crate::providers::answer::Phase;
use crate::providers::key::new_key;
use crate::providers::{Failure, Frozen, Post, Published};

/// What is sent. Everything that isn't set is left out.
#[derive(Debug, Serialize)]
struct Pin<'a> {
    board_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    board_section_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alt_text: Option<&'a str>,
    media_source: Source<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "source_type", rename_all = "snake_case")]
enum Source<'a> {
    ImageUrl(Address<'a>),
    ImageBase64(Carried),
    MultipleImageUrls {
        items: Vec<Address<'a>>,
    },
    MultipleImageBase64 {
        items: Vec<Carried>,
    },
    VideoId {
        media_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cover_image_url: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cover_image_key_frame_time: Option<u32>,
    },
}

#[derive(Debug, Serialize)]
struct Address<'a> {
    url: &'a str,
}

#[derive(Debug, Serialize)]
struct Carried {
    content_type: &'static str,
    data: String,
}

impl Carried {
    fn of(index: usize, image: &Attachment) -> Result<Self, Failure> {
        let picture = Fetcher::carried_picture(&PLATFORM, index, image)?;
        Ok(Self { content_type: picture.mime_type, data: STANDARD.encode(picture.bytes) })
    }
}

fn invalid(why: &str) -> Failure {
    Failure::new(ErrorClass::ContentInvalid, why)
}

/// Writes the pin down.
pub(super) fn draft(post: &Post, prepared: &Value, now: SystemTime) -> Result<Frozen, Failure> {
    let wrong = |why| invalid(&format!("the settings for pinterest {why}"));
    let settings = pinterest::settings(&post.settings).map_err(wrong)?;
    let (media, prepared) = (post.attachments()?, parse(prepared));
    let upload = prepared.video.as_ref().map(|video| video.id.as_str());
    let written = |text: Option<&'_ str>| text.is_some_and(|text| !text.trim().is_empty());
    // It has one for all its images.
    let alt = media.iter().map(|one| one.alt.as_str()).find(|alt| written(Some(alt)));
    let pin = Pin {
        board_id: &settings.board_id,
        board_section_id: settings.board_section_id.as_deref(),
        title: settings.title.as_deref().filter(|title| written(Some(title))),
        description: Some(post.content.as_str()).filter(|text| written(Some(text))),
        link: settings.link.as_deref(),
        alt_text: alt,
        media_source: source(&media, upload, &settings)?,
    };
    let request = serde_json::to_string(&pin).map_err(|_| invalid("the post can't be written as JSON"))?;
    Ok(Frozen { key: new_key(now)?, request })
}

fn source<'a>(
    media: &'a [Attachment],
    upload: Option<&'a str>,
    settings: &'a Settings,
) -> Result<Source<'a>, Failure> {
    let address = |one: &'a Attachment| Address { url: &one.url };
    Ok(match media {
        [only] if only.kind() == Kind::Video => {
            let lost = || Failure::new(ErrorClass::Transient, "the video is not uploaded");
            let cover = settings.cover_url.as_deref();
            Source::VideoId {
                media_id: upload.ok_or_else(lost)?,
                cover_image_url: cover,
                cover_image_key_frame_time: cover.is_none().then_some(settings.cover_second.unwrap_or(0)),
            }
        }
        [only] if is_carried(only) => Source::ImageBase64(Carried::of(1, only)?),
        [only] => Source::ImageUrl(address(only)),
        [first, ..] if is_carried(first) => {
            let items = media.iter().enumerate().map(|(at, one)| Carried::of(at + 1, one));
            Source::MultipleImageBase64 { items: items.collect::<Result<_, _>>()? }
        }
        [_, ..] => Source::MultipleImageUrls { items: media.iter().map(address).collect() },
        [] => return Err(invalid("a pin needs an image or a video")),
    })
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// Sends the pin.
pub(super) async fn commit(api: &Api<'_>, frozen: &Frozen) -> Result<Published, Failure> {
    let made: Made = read(Phase::Commit, api.post("pins", frozen.request.clone()).await)?;
    published(made.id).ok_or_else(|| Failure::new(ErrorClass::OutcomeUnknown, "the answer names no pin"))
}

/// A pin that is there. An id goes into addresses.
pub(super) fn published(id: String) -> Option<Published> {
    is_id(&id).then(|| Published {
        url: format!("https://www.pinterest.com/pin/{id}/"),
        external_id: id,
        cid: None,
    })
}
