//! Files: an address for each, bytes, and where they are shown once they were completed.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Account, Refused};
use crate::serve;
use crate::sim::kit::Shelf;
use crate::sim::ledger::Image;

struct File {
    account: String,
    name: String,
    alt: String,
    length: usize,
    bytes: Option<Bytes>,
    /// The message that shows it, and when it was completed.
    shown: Option<(String, SystemTime)>,
}

/// The files by their ids.
#[derive(Default)]
pub(super) struct Files {
    files: BTreeMap<String, File>,
    /// How long it takes until it is told where a file is shown.
    pub(super) shown_after: Duration,
}

impl Files {
    pub(super) fn open(
        &mut self,
        account: &str,
        host: &str,
        name: &str,
        length: usize,
        alt: &str,
    ) -> Result<Value, Refused> {
        if length == 0 || name.is_empty() {
            return Err("missing_argument");
        }
        if alt.chars().count() > 1_000 {
            return Err("alt_txt_too_large");
        }
        let id = format!("F{:010}", self.files.len() + 1);
        let (account, name, alt) = (account.to_owned(), name.to_owned(), alt.to_owned());
        self.files.insert(id.clone(), File { account, name, alt, length, bytes: None, shown: None });
        Ok(json!({"upload_url": format!("http://{host}/slack/upload/v1/{id}"), "file_id": id}))
    }

    /// Takes the bytes of a file.
    pub(super) fn take(&mut self, path: &str, bytes: &Bytes) -> Response<Bytes> {
        let id = path.rsplit('/').next().unwrap_or_default();
        match self.files.get_mut(id).filter(|file| file.length == bytes.len()) {
            Some(file) => {
                file.bytes = Some(bytes.clone());
                serve::plain(StatusCode::OK, &format!("OK - {}", bytes.len()))
            }
            None => serve::plain(StatusCode::BAD_REQUEST, "bad request\n"),
        }
    }

    pub(super) fn check_uploaded(&self, account: &str, ids: &[&str]) -> Result<(), Refused> {
        let is_there = |id: &&str| {
            self.files.get(*id).is_some_and(|file| file.account == account && file.bytes.is_some())
        };
        if ids.iter().all(is_there) { Ok(()) } else { Err("file_not_found") }
    }

    pub(super) fn share(&mut self, ids: &[&str], ts: &str) {
        for id in ids {
            if let Some(file) = self.files.get_mut(*id) {
                file.shown.get_or_insert_with(|| (ts.to_owned(), SystemTime::now()));
            }
        }
    }

    /// Who asks for a file that was not completed is told that there is none.
    pub(super) fn info(&self, shelf: &Shelf, of: &Account, id: &str) -> Result<Value, Refused> {
        let file = self.files.get(id).filter(|file| file.account == of.id).ok_or("file_not_found")?;
        let (ts, at) = file.shown.as_ref().ok_or("file_not_found")?;
        let is_told = at.elapsed().is_ok_and(|since| since >= self.shown_after);
        let shown = shelf.read(ts).filter(|_| is_told);
        let shares = shown.map_or(
            json!({}),
            |post| json!({"public": {&of.channel: [{"ts": ts, "thread_ts": post.more["thread_ts"]}]}}),
        );
        Ok(json!({"file": {"id": id, "name": file.name, "shares": shares}}))
    }

    /// As the ledger has them.
    pub(super) fn images(&self, ids: &Value) -> Vec<Image> {
        let ids = ids.as_array().into_iter().flatten().filter_map(Value::as_str);
        let image = |file: &File| {
            let bytes = file.bytes.clone().unwrap_or_default();
            Image {
                alt: file.alt.clone(),
                cid: Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
                mime_type: file.name.rsplit('.').next().unwrap_or_default().to_owned(),
                size: bytes.len() as u64,
            }
        };
        ids.filter_map(|id| self.files.get(id)).map(image).collect()
    }
}
