//! Tasks: each makes one post or none, and tells which.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{CONTENT_RANGE, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::{INVALID, NO_PUBLISH, Refused, checks, ok, param};
use crate::serve;
use crate::sim::kit::{Common, NewPost, Post};
use crate::sim::ledger::Image;

/// What was begun, by the ids of the publishes.
#[derive(Default)]
pub(super) struct Tasks {
    tasks: BTreeMap<String, Task>,
    /// How long TikTok takes over what it has.
    processing: Duration,
    /// For what reason everything fails that is whole from now on.
    fails: Option<String>,
    /// Posts get no id, and are in no list, until this is false.
    moderates: bool,
    /// Those that were not approved yet.
    held: BTreeSet<String>,
    /// Uploads are gone.
    gone: bool,
}

/// A post that was begun.
struct Task {
    account: String,
    info: Value,
    is_draft: bool,
    upload: Option<Upload>,
    outcome: Option<Outcome>,
}

/// A video on its way.
struct Upload {
    size: u64,
    chunk: u64,
    count: u64,
    bytes: u64,
    mime_type: String,
}

/// What a task came to, and from when on it says so.
struct Outcome {
    made: Result<String, String>,
    at: Instant,
}

impl Tasks {
    fn begin(&mut self, common: &mut Common, prefix: &str, task: Task) -> String {
        let id = format!("{prefix}~v2-1.{}", common.shelf.next_number());
        self.tasks.insert(id.clone(), task);
        id
    }

    /// Opens an upload.
    pub(super) fn open(
        &mut self,
        common: &mut Common,
        account: String,
        request: &Request<Bytes>,
        told: &Value,
    ) -> Result<Response<Bytes>, Refused> {
        let (size, chunk, count) = checks::cut(told)?;
        let (info, is_draft) = (told["post_info"].clone(), told["post_info"].is_null());
        let upload = Upload { size, chunk, count, bytes: 0, mime_type: String::new() };
        let prefix = if is_draft { "v_inbox_file" } else { "v_pub_file" };
        let id =
            self.begin(common, prefix, Task { account, info, is_draft, upload: Some(upload), outcome: None });
        let host = request.headers().get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let address = format!("http://{host}/tiktok/upload/?upload_id={id}&upload_token=t");
        Ok(ok(&json!({"publish_id": id, "upload_url": address})))
    }

    /// Takes the next chunk; the last one makes the post.
    pub(super) fn put(&mut self, common: &mut Common, request: &Request<Bytes>) -> Response<Bytes> {
        let plain = |status| serve::plain(status, "");
        let id = param(request, "upload_id");
        if self.gone {
            return plain(StatusCode::FORBIDDEN);
        }
        let open = self.tasks.get_mut(&id).filter(|task| task.outcome.is_none());
        let Some(upload) = open.and_then(|task| task.upload.as_mut()) else {
            return plain(StatusCode::NOT_FOUND);
        };
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let mime_type = header(CONTENT_TYPE).unwrap_or_default();
        let Some((first, last, total)) = header(CONTENT_RANGE).and_then(range) else {
            return plain(StatusCode::BAD_REQUEST);
        };
        let is_last = first == (upload.count - 1) * upload.chunk;
        let is_fit = if is_last { last + 1 == upload.size } else { last + 1 - first == upload.chunk };
        if !["video/mp4", "video/quicktime", "video/webm"].contains(&mime_type)
            || request.body().len() as u64 != last + 1 - first
            || total != upload.size
            || !is_fit
        {
            return plain(StatusCode::BAD_REQUEST);
        }
        if first != upload.bytes {
            return plain(StatusCode::RANGE_NOT_SATISFIABLE);
        }
        upload.bytes = last + 1;
        mime_type.clone_into(&mut upload.mime_type);
        let file =
            Image { alt: String::new(), cid: id.clone(), mime_type: mime_type.to_owned(), size: upload.size };
        let stored = format!("bytes 0-{last}/{total}");
        if is_last {
            self.finish(common, &id, vec![file]);
        }
        let mut answer = plain(if is_last { StatusCode::CREATED } else { StatusCode::PARTIAL_CONTENT });
        if let Ok(value) = HeaderValue::from_str(&stored) {
            answer.headers_mut().insert(CONTENT_RANGE, value);
        }
        answer
    }

    /// Begins a post of photos, which are fetched at once.
    pub(super) fn fetch(
        &mut self,
        common: &mut Common,
        account: String,
        told: &Value,
    ) -> Result<Response<Bytes>, Refused> {
        let count = checks::photos(told)?;
        let is_draft = told["post_mode"] == "MEDIA_UPLOAD";
        let info = told["post_info"].clone();
        let id =
            self.begin(common, "p_pub_url", Task { account, info, is_draft, upload: None, outcome: None });
        let photo = |index| Image {
            alt: String::new(),
            cid: format!("{id}-{index}"),
            mime_type: "image/jpeg".to_owned(),
            size: 1,
        };
        self.finish(common, &id, (0..count).map(photo).collect());
        Ok(ok(&json!({"publish_id": id})))
    }

    /// Makes the post, or doesn't. A draft is what its owner finds in the inbox.
    fn finish(&mut self, common: &mut Common, id: &str, images: Vec<Image>) {
        let at = Instant::now() + self.processing;
        let Some(task) = self.tasks.get_mut(id) else { return };
        let made = match &self.fails {
            Some(reason) => Err(reason.clone()),
            None => Ok(publish(common, task, id, images)),
        };
        if self.moderates {
            self.held.extend(made.clone());
        }
        task.outcome = Some(Outcome { made, at });
    }

    /// How far a task is.
    pub(super) fn show(&self, who: &str, id: &Value) -> Result<Value, Refused> {
        let task = self
            .tasks
            .get(id.as_str().ok_or(INVALID)?)
            .filter(|task| task.account == who)
            .ok_or(NO_PUBLISH)?;
        let mut told = json!({"status": "", "fail_reason": "", "publicaly_available_post_id": []});
        if let Some(upload) = &task.upload {
            told["uploaded_bytes"] = json!(upload.bytes);
        }
        let processing = if task.upload.is_some() { "PROCESSING_UPLOAD" } else { "PROCESSING_DOWNLOAD" };
        match &task.outcome {
            Some(Outcome { made: Err(reason), at }) if *at <= Instant::now() => {
                told["status"] = json!("FAILED");
                told["fail_reason"] = json!(reason);
            }
            Some(Outcome { made: Ok(_), at }) if *at <= Instant::now() && task.is_draft => {
                told["status"] = json!("SEND_TO_USER_INBOX");
            }
            Some(Outcome { made: Ok(post), at }) if *at <= Instant::now() => {
                told["status"] = json!("PUBLISH_COMPLETE");
                if is_public(&task.info) && !self.held.contains(post) {
                    // numbers of 19 digits
                    told["publicaly_available_post_id"] = json!([post.parse::<u64>().unwrap_or_default()]);
                }
            }
            _ => told["status"] = json!(processing),
        }
        Ok(told)
    }

    /// Whether a list shows a post.
    pub(super) fn is_listed(&self, post: &Post) -> bool {
        post.more["is_draft"] == json!(false) && is_public(&post.more) && !self.held.contains(&post.id)
    }

    /// `processing_seconds`; `fails`: a reason, or null; `moderates`; `forget_uploads`: they are gone; `forget_tasks`: nobody knows
    /// what became of them.
    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let flag = || value.as_bool().ok_or(format!("{name} must be true or false"));
        match name {
            "processing_seconds" => {
                let seconds = value.as_f64().ok_or("processing_seconds must be a number")?;
                self.processing = Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0));
            }
            "fails" => self.fails = value.as_str().map(str::to_owned),
            "moderates" => {
                self.moderates = flag()?;
                self.held.clear();
            }
            "forget_uploads" => self.gone = flag()?,
            "forget_tasks" => self.tasks.clear(),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn is_public(info: &Value) -> bool {
    info["privacy_level"] == "PUBLIC_TO_EVERYONE"
}

/// The ledger has captions and descriptions for texts; a draft of a video has none.
fn publish(common: &mut Common, task: &Task, publish: &str, images: Vec<Image>) -> String {
    let text = |name: &str| task.info[name].as_str().unwrap_or_default().to_owned();
    let (is_video, number) = (task.upload.is_some(), common.shelf.next_number());
    let id = format!("71234567890{number:08}");
    let handle = common.accounts.handle_of(&task.account).to_owned();
    let page = format!("https://www.tiktok.com/@{handle}");
    // without an id that is told, the publish stands for it
    let told = is_public(&task.info) && !task.is_draft;
    let kind = if is_video { "video" } else { "photo" };
    let (key, uri) =
        if told { (id.clone(), format!("{page}/{kind}/{id}")) } else { (publish.to_owned(), page) };
    let description = if is_video { text("title") } else { text("description") };
    common.shelf.publish(NewPost {
        id: id.clone(),
        key,
        account: task.account.clone(),
        handle,
        text: description.clone(),
        uri,
        images,
        more: json!({"title": text("title"), "description": description, "is_draft": task.is_draft,
                     "privacy_level": task.info["privacy_level"], "info": task.info}),
        ..NewPost::default()
    });
    id
}

/// `bytes 0-9/20`.
fn range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last, total.parse().ok()?))
}
