//! The service that processes videos. On the simulator it has the address of the account's server, though the real one has its
//! own: nothing here is answered to a token of a session.
//!
//! It hands a video to the server when it is processed, with the token of the upload. Bytes that it has from an account already
//! are refused with the name of their job.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Query, Refused, State, cid};

const UPLOAD_BLOB: &str = "com.atproto.repo.uploadBlob";
const MAX_BYTES: usize = 300_000_000;

/// The settings, with what they are at first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// How long a video is processed that is uploaded from now on.
    processing_seconds: f64,
    /// Whether its processing fails, and with which code.
    processing_fails: Option<String>,
    /// Whether the service forgets every job that it has, once.
    pub(super) forgets_jobs: bool,
}

/// A video that is processed, or was.
pub(super) struct Job {
    id: String,
    did: String,
    content: String,
    bytes: Bytes,
    ready_at: SystemTime,
    failure: Option<String>,
    /// What the account's server made of it.
    blob: Option<Value>,
}

impl Job {
    fn status(&self) -> Value {
        let over = self.ready_at <= SystemTime::now();
        let mut status = json!({"jobId": self.id, "did": self.did, "progress": if over { 100 } else { 40 }});
        match (&self.failure, over) {
            (_, false) => status["state"] = json!("JOB_STATE_ENCODING"),
            (Some(code), true) => {
                status["state"] = json!("JOB_STATE_FAILED");
                status["failureCode"] = json!(code);
                status["message"] = json!(format!("the simulator was told to fail with {code}"));
            }
            (None, true) => {
                status["state"] = json!("JOB_STATE_COMPLETED");
                status["blob"] = self.blob.clone().unwrap_or_default();
            }
        }
        status
    }
}

impl State {
    /// A token by which another service may make one kind of call for the account.
    pub(super) fn get_service_auth(&mut self, did: &str, query: &Query, now: u64) -> Result<Value, Refused> {
        // the real server stumbles over what is no DID
        let audience = query.one("aud")?;
        if !audience.starts_with("did:") {
            return Err(Refused::internal());
        }
        let expires: u64 = match query.optional("exp").map(|exp| exp.parse()) {
            None => now + 60,
            Some(exp) => exp.map_err(|_| Refused::invalid("Expected integer value type at $.exp"))?,
        };
        let method = query.optional("lxm");
        let wrong = match expires.checked_sub(now) {
            None => Some("expiration is in past"),
            Some(3_601..) => {
                Some("cannot request a token with an expiration more than an hour in the future")
            }
            Some(61..) if method.is_none() => {
                Some("cannot request a method-less token with an expiration more than a minute in the future")
            }
            Some(_) => None,
        };
        if let Some(wrong) = wrong {
            return Err(Refused::new(StatusCode::BAD_REQUEST, "BadExpiration", wrong));
        }
        let life = Duration::from_secs(expires - now);
        Ok(json!({"token": self.tokens.issue_for_service(did, &audience, method.as_deref(), life)}))
    }

    /// Takes a video. `home` is what the account's server is called.
    pub(super) fn upload_video(
        &mut self,
        token: &str,
        query: &Query,
        home: &str,
        stated: Option<&str>,
        bytes: Bytes,
    ) -> Result<(StatusCode, Value), Refused> {
        let did = self.tokens.service(token, home, UPLOAD_BLOB)?;
        query.one("name")?;
        if query.one("did")? != did {
            return Err(Refused::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "did does not match the token",
            ));
        }
        if stated != Some("video/mp4") {
            return Err(Refused::invalid("Unsupported content type"));
        }
        if bytes.len() > MAX_BYTES {
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge", "video is too large"));
        }
        let content = cid::of_bytes(&bytes);
        let is_known = |job: &&Job| job.did == did && job.content == content && job.failure.is_none();
        let known = self.jobs.iter().find(is_known);
        if let Some(job) = known {
            let mut body = job.status();
            body["error"] = json!("already_exists");
            body["message"] = json!("Video already processed");
            if let Some(fields) = body.as_object_mut() {
                // as the real service: who asks for the job is told
                fields.remove("blob");
            }
            return Ok((StatusCode::CONFLICT, body));
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        let failure = self.settings.processing_fails.clone();
        let ready_at = SystemTime::now()
            + Duration::from_secs_f64(self.settings.processing_seconds.clamp(0.0, 86_400.0));
        self.jobs.push(Job {
            id: id.clone(),
            did: did.clone(),
            content,
            bytes,
            ready_at,
            failure,
            blob: None,
        });
        Ok((StatusCode::OK, json!({"jobId": id, "did": did, "state": "JOB_STATE_CREATED", "progress": 0})))
    }

    /// Says how a job stands. What is done was handed to the account's server before.
    pub(super) fn job_status(&mut self, query: &Query) -> Result<Value, Refused> {
        let id = query.one("jobId")?;
        let at = self.jobs.iter().position(|job| job.id == id);
        let at = at.ok_or_else(|| Refused::invalid("Job not found"))?;
        let job = &self.jobs[at];
        if job.failure.is_none() && job.blob.is_none() && job.ready_at <= SystemTime::now() {
            let (did, bytes) = (job.did.clone(), job.bytes.clone());
            let uploaded = self.upload_blob(&did, Some("video/mp4"), bytes)?;
            self.jobs[at].blob = Some(uploaded["blob"].clone());
        }
        Ok(json!({"jobStatus": self.jobs[at].status()}))
    }
}
