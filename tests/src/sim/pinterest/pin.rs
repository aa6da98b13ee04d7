//! Pins: what is accepted as one, and how one is shown.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imagesize::ImageType;
use serde_json::{Value, json};

use super::{NO_BOARD, Pinterest, Refused, SECTION, invalid};
use crate::sim::kit::{Common, NewPost, Post};
use crate::sim::ledger::{Image, rfc3339};

/// The fields of a pin, and the most characters of those that are limited.
const FIELDS: [(&str, Option<usize>); 7] = [
    ("board_id", None),
    ("board_section_id", None),
    ("title", Some(100)),
    ("description", Some(800)),
    ("link", Some(2_048)),
    ("alt_text", Some(500)),
    ("media_source", None),
];

impl Pinterest {
    pub(super) fn create(&self, common: &mut Common, account: String, body: &[u8]) -> Result<Value, Refused> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let fields = body.as_object().ok_or(invalid("The body is no object"))?;
        for (name, value) in fields {
            let (_, limit) =
                FIELDS.into_iter().find(|(known, _)| known == name).ok_or(invalid("Unknown field"))?;
            let length = value.as_str().map_or(0, |text| text.chars().count());
            if limit.is_some_and(|limit| length > limit) {
                return Err(invalid("A field is too long"));
            }
        }
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        if !self.has_board(text("board_id")) {
            return Err(NO_BOARD);
        }
        if body["board_section_id"].as_str().is_some_and(|section| section != SECTION) {
            return Err(invalid("Board section not found"));
        }
        if !text("link").is_empty() && !text("link").starts_with("http") {
            return Err(invalid("Invalid link"));
        }
        let (media_type, images) = self.media(&body, &account, text("alt_text"))?;
        let id = format!("8100{}", common.shelf.next_number());
        let handle = common.accounts.handle_of(&account).to_owned();
        let mut more = body.clone();
        more["media_type"] = json!(media_type);
        let pin = common.shelf.publish(NewPost {
            key: id.clone(),
            text: text("description").to_owned(),
            uri: format!("https://www.pinterest.com/pin/{id}/"),
            account: account.clone(),
            handle,
            images,
            more,
            id,
            ..NewPost::default()
        });
        Ok(show(&pin, &account))
    }

    fn media(&self, body: &Value, account: &str, alt: &str) -> Result<(&'static str, Vec<Image>), Refused> {
        let source = &body["media_source"];
        let items = source["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_many = (2..=5).contains(&items.len());
        let all = |read: fn(&Value, &str) -> Result<Image, Refused>| {
            items.iter().map(|item| read(item, alt)).collect::<Result<Vec<_>, _>>()
        };
        match source["source_type"].as_str().unwrap_or_default() {
            "image_url" => Ok(("image", vec![named(source, alt)?])),
            "image_base64" => Ok(("image", vec![carried(source, alt)?])),
            "multiple_image_urls" if is_many => Ok(("multiple_images", all(named)?)),
            "multiple_image_base64" if is_many => Ok(("multiple_images", all(carried)?)),
            "video_id" => {
                let has_cover =
                    source["cover_image_url"].is_string() || source["cover_image_key_frame_time"].is_u64();
                if !has_cover {
                    return Err(invalid("A video needs a cover image"));
                }
                let id = source["media_id"].as_str().unwrap_or_default();
                let size = self.uploads.ready(id, account)?;
                let mime_type = "video/mp4".to_owned();
                Ok(("video", vec![Image { alt: alt.to_owned(), cid: id.to_owned(), mime_type, size }]))
            }
            _ => Err(invalid("Invalid media source")),
        }
    }
}

fn named(item: &Value, alt: &str) -> Result<Image, Refused> {
    let url = item["url"].as_str().filter(|url| url.starts_with("https://"));
    let url = url.ok_or(invalid("Sorry we could not fetch the image."))?;
    Ok(Image { alt: alt.to_owned(), cid: url.to_owned(), mime_type: String::new(), size: 0 })
}

fn carried(item: &Value, alt: &str) -> Result<Image, Refused> {
    let bytes = STANDARD.decode(item["data"].as_str().unwrap_or_default()).unwrap_or_default();
    let found = match imagesize::image_type(&bytes) {
        Ok(ImageType::Jpeg) => "image/jpeg",
        Ok(ImageType::Png) => "image/png",
        _ => return Err(invalid("The image can't be read")),
    };
    if item["content_type"] != found {
        return Err(invalid("The image is of another type"));
    }
    let size = bytes.len() as u64;
    Ok(Image { alt: alt.to_owned(), cid: String::new(), mime_type: found.to_owned(), size })
}

/// A pin as somebody sees it. Times have whole seconds and no zone.
pub(super) fn show(pin: &Post, who: &str) -> Value {
    let at = rfc3339(pin.at);
    let at = at.split_once('.').map_or(at.as_str(), |(seconds, _)| seconds);
    json!({
        "id": pin.id, "created_at": at, "title": pin.more["title"], "description": pin.more["description"],
        "link": pin.more["link"], "alt_text": pin.more["alt_text"], "board_id": pin.more["board_id"],
        "board_section_id": pin.more["board_section_id"], "is_owner": pin.account == who,
        "media": {"media_type": pin.more["media_type"]}, "creative_type": "REGULAR", "pin_metrics": null,
    })
}

/// One of last year, of which the first is the newest.
pub(super) fn old(at: usize) -> Value {
    let made = SystemTime::now() - Duration::from_secs(365 * 24 * 60 * 60 + 60 * at as u64);
    let made = rfc3339(made);
    let made = made.split_once('.').map_or(made.as_str(), |(seconds, _)| seconds);
    json!({
        "id": format!("8099{at}"), "created_at": made, "title": "机".repeat(100), "description": "机".repeat(800),
        "link": format!("https://a.example/{}", "x".repeat(2_000)), "alt_text": "机".repeat(500), "is_owner": true,
        "media": {"media_type": "image"}, "creative_type": "REGULAR", "pin_metrics": null,
    })
}

/// The same with its figures.
pub(super) fn with_metrics(pin: &Post) -> Value {
    let mut shown = show(pin, &pin.account);
    let lifetime =
        json!({"pin_click": 7, "impression": 20, "clickthrough": 3, "reaction": 10, "comment": 2, "save": 4});
    shown["pin_metrics"] =
        json!({"90d": {"pin_click": 7, "impression": 20, "clickthrough": 3}, "lifetime_metrics": lifetime});
    shown
}
