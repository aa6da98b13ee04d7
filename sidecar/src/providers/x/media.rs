//! Uploads: opened, sent in segments, closed, processed, described.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::api::{Api, done, is_id, read};
use crate::providers::Failure;
use crate::providers::answer::Phase;

/// The bytes of a segment. X takes more, but this much is known to go through.
pub(super) const SEGMENT: usize = 1024 * 1024;
/// How long an upload can be used, where X doesn't say; and the least that is believed, because what ended is made again.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const MIN_LIFE: Duration = Duration::from_secs(60 * 60);
/// How long the processing of an upload is waited for in one piece. A wait costs a place among the jobs under way and
/// no attempt; after it the try ends, and the next one goes on waiting.
const PROCESSING: Duration = Duration::from_secs(2 * 60);
/// How soon X is asked again, whatever it says.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Told {
    data: Upload,
}

#[derive(Deserialize)]
struct Upload {
    id: String,
    #[serde(default)]
    expires_after_secs: Value,
    #[serde(default)]
    processing_info: Option<Processing>,
}

#[derive(Deserialize)]
struct Processing {
    state: String,
    #[serde(default)]
    check_after_secs: Value,
    #[serde(default)]
    error: Value,
}

/// How an upload stands.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Done,
    Running(Duration),
    Failed(String),
}

/// Opens an upload; its id, and until when it can be used.
pub(super) async fn open(
    api: &Api<'_>,
    media_type: &str,
    category: &str,
    total: usize,
    now: SystemTime,
) -> Result<(String, SystemTime), Failure> {
    let body = json!({ "media_type": media_type, "media_category": category, "total_bytes": total });
    let told: Told = read(Phase::Prepare, api.post("media/upload/initialize", &body).await)?;
    let Upload { id, expires_after_secs, .. } = told.data;
    if !is_id(&id) {
        return Err(Failure::new(ErrorClass::Transient, "the answer names no upload"));
    }
    let life = expires_after_secs.as_u64().map_or(LIFE, Duration::from_secs);
    Ok((id, now + life.clamp(MIN_LIFE, LIFE)))
}

/// Sends the segment with this number; the first is 0.
pub(super) async fn append(api: &Api<'_>, id: &str, index: usize, bytes: Vec<u8>) -> Result<(), Failure> {
    done(Phase::Prepare, api.append(&format!("media/upload/{id}/append"), index, bytes).await)
}

/// Sends bytes in segments, of which the first has this number.
pub(super) async fn append_all(api: &Api<'_>, id: &str, first: usize, bytes: &[u8]) -> Result<(), Failure> {
    for (at, segment) in bytes.chunks(SEGMENT).enumerate() {
        append(api, id, first + at, segment.to_vec()).await?;
    }
    Ok(())
}

/// Closes an upload. Whether X processes it still.
pub(super) async fn close(api: &Api<'_>, id: &str) -> Result<bool, Failure> {
    let path = format!("media/upload/{id}/finalize");
    let told: Told = read(Phase::Prepare, api.post(&path, &json!({})).await)?;
    Ok(progress(told.data.processing_info.as_ref()) != Progress::Done)
}

/// Waits until X has processed an upload.
pub(super) async fn processed(api: &Api<'_>, id: &str) -> Result<(), Failure> {
    let end = Instant::now() + PROCESSING;
    let mut wait = SHORTEST_WAIT;
    while Instant::now() + wait < end {
        tokio::time::sleep(wait).await;
        let params = [("command", "STATUS"), ("media_id", id)];
        let told: Told = read(Phase::Prepare, api.get("media/upload", &params).await)?;
        match progress(told.data.processing_info.as_ref()) {
            Progress::Done => return Ok(()),
            Progress::Running(next) => wait = next,
            Progress::Failed(why) => return Err(Failure::new(ErrorClass::ContentInvalid, why)),
        }
    }
    Err(Failure::new(ErrorClass::Transient, "X is still processing what was uploaded"))
}

/// Says what an upload shows.
pub(super) async fn describe(api: &Api<'_>, id: &str, alt: &str) -> Result<(), Failure> {
    let body = json!({ "id": id, "metadata": { "alt_text": { "text": alt } } });
    done(Phase::Prepare, api.post("media/metadata", &body).await)
}

/// An image needs no processing, and then there is nothing about it.
fn progress(info: Option<&Processing>) -> Progress {
    let Some(info) = info else { return Progress::Done };
    match info.state.as_str() {
        "succeeded" => Progress::Done,
        "failed" => {
            let why = info.error["message"].as_str().unwrap_or("X doesn't say why");
            Progress::Failed(format!("X can't process what was uploaded: {why}"))
        }
        _ => {
            let asked = info.check_after_secs.as_u64().map_or(SHORTEST_WAIT, Duration::from_secs);
            Progress::Running(asked.clamp(SHORTEST_WAIT, LONGEST_WAIT))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processing_goes_on_until_x_says_how_it_ended() {
        let told = |info: Value| progress(Some(&serde_json::from_value(info).unwrap()));
        assert_eq!(progress(None), Progress::Done);
        assert_eq!(told(json!({ "state": "succeeded" })), Progress::Done);
        for (after, seconds) in [(json!(5), 5), (json!(0), 1), (json!(9_999), 30), (json!("soon"), 1)] {
            let expected = Progress::Running(Duration::from_secs(seconds));
            assert_eq!(told(json!({ "state": "in_progress", "check_after_secs": after })), expected);
        }
        assert_eq!(told(json!({ "state": "new word" })), Progress::Running(SHORTEST_WAIT));
        for (error, words) in [(json!({ "message": "bad codec" }), "bad codec"), (json!(7), "doesn't say")] {
            let Progress::Failed(why) = told(json!({ "state": "failed", "error": error })) else {
                panic!("not failed")
            };
            assert!(why.contains(words), "{why}");
        }
    }
}
