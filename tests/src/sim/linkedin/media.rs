//! Uploads: a place for bytes, or one for each part of a video, and then processing.

use std::time::SystemTime;

use bytes::Bytes;
use hyper::header::{ETAG, HOST, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answered, LinkedIn, Refused, body, header, ok, param};
use crate::sim::ledger::Image;

/// An upload.
pub(super) struct Upload {
    owner: String,
    kind: &'static str,
    parts: Vec<Part>,
    /// Since when it is whole.
    whole: Option<SystemTime>,
}

/// A part of it.
struct Part {
    /// What is known to whoever may fill it.
    place: String,
    len: Option<usize>,
    /// The bytes, and what they are called.
    sent: Option<(String, Bytes)>,
}

impl Upload {
    fn bytes(&self) -> Vec<u8> {
        self.parts
            .iter()
            .filter_map(|part| part.sent.as_ref())
            .flat_map(|(_, bytes)| bytes.to_vec())
            .collect()
    }
}

/// The type that the bytes show, of those that are accepted.
fn type_of(kind: &str, bytes: &[u8]) -> Option<&'static str> {
    match (kind, bytes) {
        ("video", [_, _, _, _, b'f', b't', b'y', b'p', ..]) => Some("video/mp4"),
        ("document", [b'%', b'P', b'D', b'F', b'-', ..]) => Some("application/pdf"),
        ("image", bytes) => match imagesize::image_type(bytes).ok()? {
            imagesize::ImageType::Jpeg => Some("image/jpeg"),
            imagesize::ImageType::Png => Some("image/png"),
            imagesize::ImageType::Gif => Some("image/gif"),
            _ => None,
        },
        _ => None,
    }
}

impl LinkedIn {
    /// Opens an upload, or closes that of a video.
    pub(super) fn upload(&mut self, call: &str, caller: &str, request: &Request<Bytes>) -> Answered {
        let asked = body(request)?;
        match (call, param(request, "action").as_str()) {
            (_, "initializeUpload") => self.open(call, caller, &asked["initializeUploadRequest"], request),
            ("videos", "finalizeUpload") => self.close(&asked["finalizeUploadRequest"]),
            _ => Err(Refused::invalid("There is no such action")),
        }
    }

    fn open(&mut self, call: &str, caller: &str, asked: &Value, request: &Request<Bytes>) -> Answered {
        let owner = asked["owner"].as_str().unwrap_or_default();
        self.may_act(caller, owner)?;
        let kind = match call {
            "images" => "image",
            "videos" => "video",
            _ => "document",
        };
        let part = |len| Part { place: Uuid::new_v4().simple().to_string(), len, sent: None };
        let total = asked["fileSizeBytes"].as_u64().and_then(|total| usize::try_from(total).ok());
        let parts: Vec<_> = match (kind, total) {
            ("video", None | Some(0)) => return Err(Refused::invalid("fileSizeBytes is missing")),
            ("video", Some(total)) => {
                let size = self.settings.part_bytes;
                (0..total).step_by(size).map(|from| part(Some(size.min(total - from)))).collect()
            }
            _ => vec![part(None)],
        };
        let here = format!("http://{}/linkedin/dms-uploads", header(request, HOST.as_str()));
        let here = self.settings.upload_url.clone().unwrap_or(here);
        let urn = format!("urn:li:{kind}:D{}", Uuid::new_v4().simple());
        let value = if kind == "video" {
            let mut from = 0;
            let instruction = |part: &Part| {
                let first = from;
                from += part.len.unwrap_or_default();
                json!({"uploadUrl": format!("{here}/{}", part.place), "firstByte": first, "lastByte": from - 1})
            };
            let instructions: Vec<_> = parts.iter().map(instruction).collect();
            json!({kind: urn, "uploadToken": "", "uploadInstructions": instructions})
        } else {
            let place = parts.first().map(|part| part.place.clone()).unwrap_or_default();
            json!({kind: urn, "uploadUrl": format!("{here}/{place}"), "uploadUrlExpiresAt": 1_u64 << 42})
        };
        self.uploads.insert(urn, Upload { owner: owner.to_owned(), kind, parts, whole: None });
        ok(&json!({"value": value}))
    }

    /// Takes bytes. Who knows the place needs no token.
    pub(super) fn put(&mut self, path: &str, request: &Request<Bytes>) -> Answered {
        let place = path.rsplit('/').next().unwrap_or_default();
        let found = self.uploads.values_mut().find_map(|upload| {
            let at = upload.parts.iter().position(|part| part.place == place)?;
            Some((upload, at))
        });
        let (upload, at) = found.ok_or_else(Refused::missing)?;
        let part = &mut upload.parts[at];
        if part.len.is_some_and(|len| len != request.body().len()) {
            return Err(Refused::invalid("A part has other bytes than were announced"));
        }
        let etag = format!("etag-{}", Uuid::new_v4().simple());
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::CREATED;
        if let Ok(value) = HeaderValue::try_from(format!("\"{etag}\"")) {
            answer.headers_mut().insert(ETAG, value);
        }
        part.sent = Some((etag, request.body().clone()));
        if upload.kind != "video" {
            upload.whole = Some(SystemTime::now());
        }
        Ok(answer)
    }

    fn close(&mut self, asked: &Value) -> Answered {
        let upload = self.uploads.get_mut(asked["video"].as_str().unwrap_or_default());
        let upload = upload.ok_or_else(Refused::missing)?;
        let sent = upload.parts.iter().map(|part| part.sent.as_ref().map(|(etag, _)| etag.as_str()));
        let named = asked["uploadedPartIds"].as_array().into_iter().flatten().map(Value::as_str);
        if !sent.eq(named) {
            return Err(Refused::invalid("The parts are not those that were uploaded"));
        }
        upload.whole = Some(SystemTime::now());
        Ok(Response::new(Bytes::new()))
    }

    fn status(&self, upload: &Upload) -> &'static str {
        match upload.whole {
            None => "WAITING_UPLOAD",
            // an image can be shown at once
            Some(_) if upload.kind == "image" => "AVAILABLE",
            Some(_) if self.settings.processing_fails => "PROCESSING_FAILED",
            Some(since) if since.elapsed().unwrap_or_default() < self.settings.processing => "PROCESSING",
            Some(_) => "AVAILABLE",
        }
    }

    pub(super) fn state_of(&self, urn: &str) -> Answered {
        let upload = self.uploads.get(urn).ok_or_else(Refused::missing)?;
        let mut state = json!({"id": urn, "owner": upload.owner, "status": self.status(upload)});
        if self.status(upload) == "PROCESSING_FAILED" {
            state["processingFailureReason"] = json!("The format is not supported");
        }
        ok(&state)
    }

    /// What a post shows.
    pub(super) fn shown(&self, author: &str, medium: &Value) -> Result<Image, Refused> {
        let urn = medium["id"].as_str().unwrap_or_default();
        let upload = self.uploads.get(urn).filter(|upload| upload.owner == author);
        let upload =
            upload.ok_or_else(|| Refused::invalid(format!("Media asset {urn} is not the author's")))?;
        let status = self.status(upload);
        if status != "AVAILABLE" {
            return Err(Refused::invalid(format!("Media asset {urn} is in state {status}")));
        }
        let bytes = upload.bytes();
        let mime_type = type_of(upload.kind, &bytes)
            .ok_or_else(|| Refused::invalid(format!("Media asset {urn} is no {}", upload.kind)))?;
        if upload.kind == "document" && medium["title"].as_str().is_none_or(str::is_empty) {
            return Err(Refused::invalid("A document needs a title"));
        }
        Ok(Image {
            alt: medium["altText"].as_str().unwrap_or_default().to_owned(),
            cid: urn.to_owned(),
            mime_type: mime_type.to_owned(),
            size: bytes.len() as u64,
        })
    }
}
