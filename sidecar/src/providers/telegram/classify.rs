//! What an answer of the Bot API means. It says of itself that it refused: `{"ok":false,"error_code":…,"description":…}`. What
//! doesn't may come from a proxy that knows nothing of the bot's server.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use serde_json::Value;

use crate::client::Answer;
use crate::providers::Failure;
use crate::providers::answer::{MAX_WAIT, Phase, retry_at};

/// A refusal in the words of the interface.
pub(super) struct Refused {
    pub(super) code: u64,
    description: String,
    /// For how long, in seconds.
    retry_after: Option<u64>,
    /// What a group has become.
    pub(super) migrated_to: Option<i64>,
}

/// Nothing where it is none.
pub(super) fn refused(answer: &Answer) -> Option<Refused> {
    let said: Value = serde_json::from_slice(&answer.body).ok()?;
    let code = said["error_code"].as_u64().filter(|_| said["ok"] == false)?;
    let parameters = &said["parameters"];
    Some(Refused {
        code,
        description: said["description"].as_str().unwrap_or_default().to_owned(),
        retry_after: parameters["retry_after"].as_u64(),
        migrated_to: parameters["migrate_to_chat_id"].as_i64(),
    })
}

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let status = answer.status;
    let Some(refused) = refused(answer) else {
        let class = if status == 429 { ErrorClass::RateLimited } else { phase.not_clear() };
        let failure = Failure::new(class, format!("the server answered {status}"));
        return Failure { status: Some(status), retry_at: limit(class, answer, None, now), ..failure };
    };
    let class = class(phase, &refused);
    let reset = refused.retry_after.map(|seconds| now + Duration::from_secs(seconds).min(MAX_WAIT));
    let message = match refused.migrated_to {
        Some(chat) => format!("{}: connect the bot with {chat}", refused.description),
        None if refused.description.is_empty() => format!("the server answered {status}"),
        None => refused.description,
    };
    Failure {
        status: Some(status),
        code: Some(refused.code.to_string()),
        retry_at: limit(class, answer, reset, now),
        ..Failure::new(class, message)
    }
}

fn limit(
    class: ErrorClass,
    answer: &Answer,
    reset: Option<SystemTime>,
    now: SystemTime,
) -> Option<SystemTime> {
    (class == ErrorClass::RateLimited).then(|| retry_at(answer, reset, now))
}

fn class(phase: Phase, refused: &Refused) -> ErrorClass {
    let words = refused.description.to_ascii_lowercase();
    let says = |some: &[&str]| some.iter().any(|word| words.contains(word));
    match refused.code {
        400 if refused.migrated_to.is_some() || says(&MISSING) => ErrorClass::TargetMissing,
        400 if says(&NOT_ALLOWED) => ErrorClass::Permission,
        400 | 413 => ErrorClass::ContentInvalid,
        404 if says(&["method not found"]) => ErrorClass::Config,
        // one that is no token at all is not found
        401 | 404 => phase.unauthorized(),
        403 if says(&["deactivated", "was deleted"]) => ErrorClass::TargetMissing,
        403 => ErrorClass::Permission,
        429 => ErrorClass::RateLimited,
        _ => phase.not_clear(),
    }
}

/// What is said of something that is not there.
const MISSING: [&str; 6] = [
    "chat not found",
    "message not found",
    "replied not found",
    "thread not found",
    "topic_",
    "delete not found",
];

/// What is said of something that the bot may not do.
const NOT_ALLOWED: [&str; 9] = [
    "not enough rights",
    "no rights",
    "need administrator rights",
    "chat_admin_required",
    "chat_write_forbidden",
    "chat_restricted",
    "chat_send_",
    "can't be deleted",
    "member list is inaccessible",
];
