//! Uploads: an address is asked for, and the bytes go there. What is uploaded appears once it is completed.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::slack::{PLATFORM, is_id};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method};
use serde::Deserialize;
use url::Url;

use super::HOME;
use super::api::{Api, object};
use super::classify::{failure, in_success};
use super::prepare::File;
use crate::media::{Fetcher, PART, plain_name};
use crate::providers::Failure;
use crate::providers::answer::{Phase, unclear};

/// How long an upload may take.
const UPLOAD_TIME: Duration = Duration::from_secs(9 * 60);
/// The most characters of an alternative text.
const MAX_ALT: usize = 1_000;

#[derive(Deserialize)]
struct Opened {
    upload_url: String,
    file_id: String,
}

/// Uploads the attachment at place `index` (the first is 1).
pub(super) async fn upload(
    api: &Api<'_>,
    fetcher: &Fetcher,
    index: usize,
    one: &Attachment,
) -> Result<File, Failure> {
    let kind = one.kind();
    let (body, total, mime_type) = match kind {
        Kind::Image => {
            let picture = fetcher.picture(&PLATFORM, index, one).await?;
            (Body::from(picture.bytes.clone()), picture.bytes.len(), picture.mime_type)
        }
        Kind::Video | Kind::Document => {
            let first = fetcher.part(&PLATFORM, index, one, 0, PART).await?;
            let (total, mime_type) = (first.total, first.mime_type().unwrap_or("application/octet-stream"));
            (Body::wrap_stream(fetcher.stream(&PLATFORM, index, one, first)), total, mime_type)
        }
    };
    let (name, length) = (plain_name(one, index, mime_type), total.to_string());
    let alt: String = one.alt.chars().take(MAX_ALT).collect();
    let mut params = vec![("filename", name.as_str()), ("length", length.as_str())];
    if kind == Kind::Image && !alt.is_empty() {
        params.push(("alt_txt", &alt));
    }
    let opened: Opened = object(Phase::Prepare, api.get("files.getUploadURLExternal", &params).await)?;
    if !is_id(&opened.file_id) || !is_slacks(api.base_url, &opened.upload_url) {
        return Err(Failure::new(ErrorClass::Transient, "the answer names no place for a file"));
    }
    // the address is the secret of this upload: no token goes there
    let request = api.client.request(Method::POST, &opened.upload_url).timeout(UPLOAD_TIME);
    let request = request.header(CONTENT_TYPE, "application/octet-stream");
    let request = request.header(reqwest::header::CONTENT_LENGTH, total).body(body);
    let answer = api.client.send(request).await.map_err(|error| unclear(Phase::Prepare, &error))?;
    // it says OK and a number; what says that it is not well is an object
    match in_success(Phase::Prepare, &answer, SystemTime::now()) {
        Some(refused) => return Err(refused),
        None if answer.status == 200 => {}
        None => return Err(failure(Phase::Prepare, &answer, SystemTime::now())),
    }
    Ok(File { id: opened.file_id, title: name })
}

/// Whether an address that an answer named is one of Slack's, or of the server that takes its place.
fn is_slacks(base_url: &str, address: &str) -> bool {
    if base_url != HOME {
        return address.strip_prefix(base_url).is_some_and(|path| path.starts_with('/'));
    }
    Url::parse(address).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        url.scheme() == "https" && (host == "slack.com" || host.ends_with(".slack.com"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_to_slack_only() {
        assert!(is_slacks(HOME, "https://files.slack.com/upload/v1/ABC"));
        assert!(is_slacks("http://127.0.0.1:1/slack", "http://127.0.0.1:1/slack/upload/v1/F1"));
        for odd in [
            "http://files.slack.com/upload",
            "https://evil.example/slack.com",
            "https://evilslack.com/",
            "https://a@evil.example/.slack.com",
            "",
        ] {
            assert!(!is_slacks(HOME, odd), "{odd}");
        }
        assert!(!is_slacks("http://127.0.0.1:1/slack", "http://127.0.0.1:1/slack.evil"));
    }
}
