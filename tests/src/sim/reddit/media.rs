//! Uploads: a place is leased, and the bytes go there with a signature.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::{Given, Refused, listed};
use crate::serve;
use crate::sim::form;
use crate::sim::ledger::Image;

/// The types that are taken, and how their files end.
const TYPES: [(&str, &str); 5] = [
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/gif", "gif"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
];

/// The places that were leased.
#[derive(Default)]
pub(super) struct Uploads {
    known: BTreeMap<String, Upload>,
    /// Where files have to be sent, instead of here.
    place: Option<String>,
}

struct Upload {
    account: String,
    signature: String,
    mime_type: &'static str,
    ending: &'static str,
    /// How many bytes came.
    size: Option<u64>,
}

/// What is told of a file that was sent.
pub(super) struct File {
    pub(super) id: String,
    pub(super) ending: &'static str,
    pub(super) image: Image,
}

impl Uploads {
    pub(super) fn lease(
        &mut self,
        number: u64,
        account: String,
        request: &Request<Bytes>,
    ) -> Result<Value, Refused> {
        let given = Given::form(request);
        let (mime_type, ending) = TYPES
            .into_iter()
            .find(|(mime_type, _)| *mime_type == given.get("mimetype"))
            .ok_or(listed("INVALID_OPTION", "that option is not valid", "mimetype"))?;
        if !given.get("filepath").ends_with(ending) {
            return Err(listed("INVALID_OPTION", "that option is not valid", "filepath"));
        }
        let (id, signature) = (format!("8xjguc{number}"), uuid::Uuid::new_v4().simple().to_string());
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let place = self.place.clone().unwrap_or(format!("//{host}/reddit/store"));
        // some stand in a folder
        let key = if mime_type.starts_with("image") { format!("rte_images/{id}") } else { id.clone() };
        let field = |name: &str, value: &str| json!({"name": name, "value": value});
        let fields = [
            field("acl", "private"),
            field("key", &key),
            field("policy", "cG9saWN5"),
            field("success_action_status", "201"),
            field("content-type", mime_type),
            field("x-amz-signature", &signature),
        ];
        let leased = json!({
            "args": {"action": place, "fields": fields},
            "asset": {"asset_id": id, "processing_state": "incomplete", "payload": {"filepath": given.get("filepath")},
                      "websocket_url": format!("wss://ws.example/{id}?m=AQAA")},
        });
        self.known.insert(id, Upload { account, signature, mime_type, ending, size: None });
        Ok(leased)
    }

    /// Takes the bytes, as the other server does to which they go.
    pub(super) fn take(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let said = |status, text: String| serve::with_type(status, "application/xml", Bytes::from(text));
        let denied = || said(StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>".to_owned());
        let parts = form::parts(request).unwrap_or_default();
        let text = |name: &str| {
            let part = parts.iter().find(|part| part.name == name);
            part.map(|part| String::from_utf8_lossy(&part.bytes).into_owned()).unwrap_or_default()
        };
        let (key, signature) = (text("key"), text("x-amz-signature"));
        let upload = self.known.get_mut(key.rsplit('/').next().unwrap_or_default());
        // what stands behind the file is not read there
        let file = parts.last().filter(|last| last.name == "file" && !last.bytes.is_empty());
        let (Some(upload), Some(file)) = (upload, file) else { return denied() };
        if upload.signature != signature || text("policy").is_empty() {
            return denied();
        }
        upload.size = Some(file.bytes.len() as u64);
        said(StatusCode::CREATED, format!("<PostResponse><Key>{key}</Key></PostResponse>"))
    }

    /// The file of an account that an address, or an id, names.
    pub(super) fn sent(&self, address: &str, account: &str, kind: &str) -> Option<File> {
        let id = address.rsplit('/').next().unwrap_or_default();
        let upload = self.known.get(id).filter(|upload| upload.account == account)?;
        let size = upload.size.filter(|_| upload.mime_type.starts_with(kind))?;
        let image =
            Image { alt: String::new(), cid: id.to_owned(), mime_type: upload.mime_type.to_owned(), size };
        Some(File { id: id.to_owned(), ending: upload.ending, image })
    }

    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        match name {
            "upload_place" => self.place = value.as_str().map(str::to_owned),
            _ => return Ok(false),
        }
        Ok(true)
    }
}
