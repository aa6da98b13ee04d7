//! Images and videos: for each a place is leased, and the bytes go there. A video has an image in front of it, which goes the same way.

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::reddit::{PLATFORM, Shape, is_id};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use super::classify::read;
use super::publish::{form, invalid, settings};
use crate::address::check_loopback;
use crate::media::{Fetcher, PART, file_type};
use crate::providers::answer::{Phase, in_time, is_address, unclear};
use crate::providers::{Failure, Post, Reach};

/// How long the bytes may take.
const UPLOAD: Duration = Duration::from_secs(9 * 60);
/// In the words of the store: more bytes than the lease is for.
const TOO_LARGE: &[u8] = b"EntityTooLarge";

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// The media of the post, in their order.
    #[serde(default)]
    pub(super) assets: Vec<Asset>,
    /// The image in front of a video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) poster: Option<Asset>,
}

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asset {
    /// The post is found by it.
    pub(super) id: String,
    /// What a post names it by.
    pub(super) url: String,
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// Does the next piece; `None` when there is none.
pub(super) async fn step(
    api: &Api<'_>,
    fetcher: &Fetcher,
    post: &Post,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    if post.reply_to.is_some() {
        return Ok(None);
    }
    let (media, settings, mut prepared) = (post.attachments()?, settings(post)?, parse(prepared));
    let next = prepared.assets.len();
    if let Some(one) = media.get(next) {
        prepared.assets.push(in_time(upload(api, fetcher, next + 1, one)).await?);
        return Ok(Some(json!(prepared)));
    }
    match settings.poster() {
        Some(poster) if Shape::of(&media, &settings) == Shape::Video && prepared.poster.is_none() => {
            let uploaded = in_time(upload(api, fetcher, 1, &poster)).await;
            let named = |failure: Failure| Failure {
                message: format!("the poster of the video: {}", failure.message),
                ..failure
            };
            prepared.poster = Some(uploaded.map_err(named)?);
            Ok(Some(json!(prepared)))
        }
        _ => Ok(None),
    }
}

#[derive(Deserialize)]
struct Leased {
    args: Place,
    asset: Named,
}

/// Where the bytes go. What stands in the fields are signatures: they are used at once and never stored.
#[derive(Deserialize)]
struct Place {
    action: String,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Named {
    asset_id: String,
}

/// Leases a place for the attachment (the first is at `index` 1) and sends its bytes, as one piece: what comes in between is secret.
async fn upload(api: &Api<'_>, fetcher: &Fetcher, index: usize, one: &Attachment) -> Result<Asset, Failure> {
    let kind = one.kind();
    let (file, mime_type) = match kind {
        Kind::Image => {
            let picture = fetcher.picture(&PLATFORM, index, one).await?;
            (Part::bytes(picture.bytes), picture.mime_type)
        }
        Kind::Video | Kind::Document => {
            let first = fetcher.part(&PLATFORM, index, one, 0, PART).await?;
            let mime_type = file_type(&first.bytes).unwrap_or("video/mp4");
            let (total, bytes) = (first.total, fetcher.stream(&PLATFORM, index, one, first));
            (Part::stream_with_length(Body::wrap_stream(bytes), total as u64), mime_type)
        }
    };
    let name = format!("media.{}", ending(mime_type));
    let asked = form(&[("api_type", "json"), ("filepath", &name), ("mimetype", mime_type)]);
    let Leased { args: Place { action, fields }, asset: Named { asset_id: id } } =
        read(Phase::Prepare, api.form("api/media/asset.json", asked).await)?;
    let key = fields.iter().find(|field| field.name == "key").map_or("", |field| &field.value);
    // The address has no scheme: it is reached as the API is.
    let scheme = if api.base_url.starts_with("http://") { "http" } else { "https" };
    let (address, url) = (format!("{scheme}:{action}"), format!("{scheme}:{action}/{key}"));
    if !is_id(&id) || key.rsplit('/').next() != Some(&id) || !is_address(&url) {
        return Err(Failure::new(ErrorClass::Transient, "the answer names no place for a file"));
    }
    let file = file
        .file_name(name)
        .mime_str(mime_type)
        .map_err(|_| invalid(&format!("{} {index}: its type is none of a file", kind.as_str())))?;
    let parts = fields.into_iter().fold(Form::new(), |form, Field { name, value }| form.text(name, value));
    // An address of the public internet, unless Reddit itself is on this machine. No token goes there.
    let reach = Reach { allow_loopback: check_loopback(api.base_url).is_ok() };
    let client = api.client.within(reach);
    let request = client.request(Method::POST, &address).multipart(parts.part("file", file));
    let answer = client.send(request.timeout(UPLOAD)).await;
    let answer = answer.map_err(|error| unclear(Phase::Prepare, &error))?;
    // the fields say what a success is
    if answer.status == 201 {
        return Ok(Asset { id, url });
    }
    let is_too_large = answer.body.windows(TOO_LARGE.len()).any(|words| words == TOO_LARGE);
    let (class, why) = match answer.status {
        413 => (ErrorClass::ContentInvalid, "it has more bytes than Reddit takes"),
        400 if is_too_large => (ErrorClass::ContentInvalid, "it has more bytes than Reddit takes"),
        _ => (ErrorClass::Transient, "its upload was refused"),
    };
    let message = format!("{} {index}: {why} ({})", kind.as_str(), answer.status);
    Err(Failure { status: Some(answer.status), ..Failure::new(class, message) })
}

/// What a file of a type is called at its end.
fn ending(mime_type: &str) -> &str {
    match mime_type.rsplit('/').next().unwrap_or_default() {
        "quicktime" => "mov",
        "jpeg" => "jpg",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let asset = |id: &str| Asset { id: id.into(), url: format!("https://a.example/{id}") };
        let prepared = Prepared { assets: vec![asset("1"), asset("2")], poster: Some(asset("3")) };
        assert_eq!(parse(&json!(prepared)), prepared);
        for odd in [Value::Null, json!([1]), json!({ "assets": [{ "id": 7 }] })] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }
}
