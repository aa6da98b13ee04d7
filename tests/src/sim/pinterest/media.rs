//! Videos: registered, sent to a place of their own with a signature, and processed.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::{NO_MEDIA, Refused, invalid};
use crate::serve;
use crate::sim::form;

/// The uploads, and how they are processed.
#[derive(Default)]
pub(super) struct Uploads {
    known: BTreeMap<String, Upload>,
    processing: Duration,
    fails: bool,
    /// Where videos have to be sent, instead of here.
    place: Option<String>,
}

struct Upload {
    account: String,
    signature: String,
    /// When its bytes came, and how many.
    sent: Option<(SystemTime, u64)>,
    is_film: bool,
}

impl Uploads {
    pub(super) fn register(
        &mut self,
        number: u64,
        account: String,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Refused> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        if body["media_type"] != "video" {
            return Err(invalid("'media_type' must be video"));
        }
        let (id, signature) = (format!("5000{number}"), uuid::Uuid::new_v4().simple().to_string());
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let here = format!("http://{host}/pinterest/upload/{id}");
        let url = self.place.clone().unwrap_or(here);
        let parameters = json!({
            "Content-Type": "multipart/form-data", "key": format!("uploads/{id}"), "policy": "cG9saWN5",
            "x-amz-signature": signature,
        });
        let registered = json!({"media_id": id, "media_type": "video", "upload_url": url, "upload_parameters": parameters});
        self.known.insert(id, Upload { account, signature, sent: None, is_film: false });
        Ok(serve::json(StatusCode::CREATED, &registered))
    }

    /// Takes the bytes, as the other server does to which they go.
    pub(super) fn take(&mut self, id: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let refused = |code: &str| {
            let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
            serve::with_type(StatusCode::FORBIDDEN, "application/xml", Bytes::from(text))
        };
        let Some(upload) = self.known.get_mut(id) else { return refused("NoSuchKey") };
        let parts = form::parts(request).unwrap_or_default();
        let part = |name: &str| parts.iter().find(|part| part.name == name).map(|part| &part.bytes);
        let is_signed = part("x-amz-signature").is_some_and(|bytes| **bytes == *upload.signature.as_bytes());
        let is_whole = part("key").is_some() && part("policy").is_some();
        // what stands behind the file is not read there
        let file = parts.last().filter(|last| last.name == "file").map(|last| &last.bytes);
        match file {
            Some(bytes) if is_signed && is_whole => {
                upload.sent = Some((SystemTime::now(), bytes.len() as u64));
                upload.is_film = bytes.get(4..8) == Some(b"ftyp");
                serve::with_type(StatusCode::NO_CONTENT, "application/xml", Bytes::new())
            }
            _ => refused("AccessDenied"),
        }
    }

    fn status(&self, upload: &Upload) -> &'static str {
        match upload.sent {
            None => "registered",
            Some((since, _)) if since.elapsed().unwrap_or_default() < self.processing => "processing",
            Some(_) if self.fails || !upload.is_film => "failed",
            Some(_) => "succeeded",
        }
    }

    pub(super) fn show(&self, id: &str, account: &str) -> Result<Value, Refused> {
        let upload = self.known.get(id).filter(|upload| upload.account == account).ok_or(NO_MEDIA)?;
        Ok(json!({"media_id": id, "media_type": "video", "status": self.status(upload)}))
    }

    /// How many bytes a video has that a pin may show.
    pub(super) fn ready(&self, id: &str, account: &str) -> Result<u64, Refused> {
        let upload = self.known.get(id).filter(|upload| upload.account == account).ok_or(NO_MEDIA)?;
        match upload.sent {
            Some((_, size)) if self.status(upload) == "succeeded" => Ok(size),
            _ => Err(invalid("The video is not processed")),
        }
    }

    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        match name {
            "processing_seconds" => {
                let seconds = value.as_f64().ok_or("processing_seconds is a number")?;
                self.processing = Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0));
            }
            "processing_fails" => self.fails = value.as_bool().ok_or("processing_fails is yes or no")?,
            "upload_url" => self.place = value.as_str().map(str::to_owned),
            // what was uploaded before is not there any more
            "forget_uploads" => self.known.clear(),
            _ => return Ok(false),
        }
        Ok(true)
    }
}
