//! States, errors and steps in words.

use std::str::FromStr;

use crier_core::error_class::ErrorClass;
use serde_json::Value;

/// The longest message of a platform that is shown.
const MAX_MESSAGE: usize = 600;

/// A state of a post, a target, a job, an account or a schedule.
pub(super) fn state(word: &str) -> String {
    let words = match word {
        "preparing" => "being prepared",
        "committing" => "being sent",
        "publishing" => "being published",
        "unknown" => "being looked for",
        "unconfirmed" => "needs your word",
        "reauth_required" => "needs a login",
        "disconnected" => "not connected",
        "queued" => "about to go",
        "waiting" => "after the part before it",
        other => return other.replace('_', " "),
    };
    words.to_owned()
}

/// What an error means for whoever wrote the post.
pub(super) fn error_class(word: &str) -> &'static str {
    use ErrorClass as E;
    match ErrorClass::from_str(word) {
        Ok(E::Transient) => "The platform could not be reached.",
        Ok(E::RateLimited) => "The platform asks to slow down.",
        Ok(E::QuotaExhausted) => "A quota of the platform is used up.",
        Ok(E::AuthExpired) => "The login has expired.",
        Ok(E::AuthRevoked) => "The login was taken back: the account has to be connected again.",
        Ok(E::Permission) => "The account is not allowed to do this.",
        Ok(E::ContentInvalid) => "The platform does not take this content.",
        Ok(E::Duplicate) => "The platform says that it has this already.",
        Ok(E::PolicyBlocked) => "The platform blocks this by its policy.",
        Ok(E::TargetMissing) => "What it was meant for is no longer there.",
        Ok(E::OutcomeUnknown) => "Nobody knows whether the platform has it.",
        Ok(E::Config) => "Crier is set up wrongly for this platform: tell whoever runs it.",
        Ok(E::Unsupported) => "The platform does not offer this.",
        Err(_) => "It failed.",
    }
}

/// An error as Crier keeps it: what it means, and what the platform said.
pub(super) fn error(error: &Value) -> (&'static str, Option<String>) {
    let meaning = error_class(error["class"].as_str().unwrap_or_default());
    let message = error["message"].as_str().filter(|message| !message.trim().is_empty());
    (meaning, message.map(|message| shortened(message, MAX_MESSAGE)))
}

/// The beginning of a text.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A step of a timeline.
pub(super) fn step(kind: &str) -> String {
    let words = match kind {
        "post_created" => "Written",
        "post_edited" => "Changed",
        "post_rescheduled" => "Planned for another time",
        "post_canceled" => "Canceled",
        "post_retried" => "Tried again",
        "post_submitted" => "Submitted",
        "post_approved" => "Approved",
        "post_rejected" => "Sent back",
        "post_deleted" => "Deleted",
        "post_sending" => "Sent to the platform",
        "post_published" => "Published",
        "post_publish_failed" => "Not published",
        "post_resolved_absent" => "Said not to be there",
        "action_added" => "An action was added",
        other => return capitalized(&other.replace('_', " ")),
    };
    words.to_owned()
}

pub(super) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A platform as it writes itself.
pub(super) fn platform(name: &str) -> String {
    let words = match name {
        "x" => "X",
        "linkedin" => "LinkedIn",
        "youtube" => "YouTube",
        "tiktok" => "TikTok",
        "wordpress" => "WordPress",
        "devto" => "DEV",
        other => return capitalized(other),
    };
    words.to_owned()
}

/// Why no account was connected, by the word with which people come back from a login.
pub(super) fn not_connected(word: &str) -> &'static str {
    match word {
        "access_denied" => "You did not give access. Nothing was connected.",
        "nothing_chosen" => "You chose no account. Nothing was connected.",
        "missing_scopes" => {
            "A permission without which nothing works was not granted. Nothing was connected."
        }
        "other_account" => "That is another account than the one that was meant. Nothing was connected.",
        "no_account" => "There is no account there that can be connected.",
        "not_allowed" => "You may no longer connect accounts of this workspace.",
        "server_refused" => "The server that you named can't be used: look at its name, and begin again.",
        "platform_unavailable" | "platform_error" | "code_refused" | "unavailable" => {
            "The platform does not answer as it should. Nothing was connected: try again in a moment."
        }
        _ => "Nothing was connected. Try again, and tell whoever runs Crier if it stays so.",
    }
}

/// What was done, by the word that stands in the address after it.
pub(super) fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "planned" => "The post is planned.",
        "drafted" => "The draft is kept.",
        "canceled" => "What was not sent is canceled.",
        "rescheduled" => "The post is planned for that time.",
        "retried" => "It is tried again.",
        "duplicated" => "Here is a draft that says the same.",
        "deleted" => "The post is deleted.",
        "submitted" => "The post is submitted.",
        "approved" => "The post is approved.",
        "rejected" => "The post is sent back to its author.",
        "resolved" => "Thank you: it is noted.",
        "blocked" => "The account rests until then.",
        "unblocked" => "The account goes on.",
        "job_retried" => "The job is tried again.",
        "job_purged" => "The job is deleted.",
        "paused" => "The schedule rests.",
        "resumed" => "The schedule goes on.",
        "ended" => "The schedule has ended.",
        "scheduled" => "The schedule is kept: it makes posts from now on.",
        "schedule_changed" => "The schedule is changed, for what comes.",
        "item_added" => "The text is in the queue.",
        "item_removed" => "The text is out of the queue.",
        "connected" => "The account is connected.",
        "server_unblocked" => "The server is asked again.",
        "queue_paused" => "Nothing is handed out from now on.",
        "queue_resumed" => "Work is handed out again.",
        "nothing_done" => "There was nothing to do: it is so already.",
        _ => return None,
    })
}

/// How much of all went well, rounded down: what is not all must not look so.
pub(super) fn success(share: f64) -> String {
    format!("{}\u{a0}%", per_mille(share) / 10.0)
}

/// How much of all failed, rounded up: what is not nothing must not look so.
pub(super) fn failure(share: f64) -> String {
    format!("{}\u{a0}%", (1000.0 - per_mille(1.0 - share)) / 10.0)
}

fn per_mille(share: f64) -> f64 {
    // as a binary fraction a share may be a little less than it is
    (share * 1000.0 + 1e-6).floor()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_class_of_error_has_words_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for class in ErrorClass::ALL {
            assert!(seen.insert(error_class(class.as_str())), "{class}");
        }
        assert!(!seen.contains(error_class("canary")));
    }

    #[test]
    fn nothing_and_all_look_so_only_where_they_are() {
        assert_eq!(
            [0.0, 0.25, 0.9999, 1.0].map(success),
            ["0\u{a0}%", "25\u{a0}%", "99.9\u{a0}%", "100\u{a0}%"]
        );
        assert_eq!(
            [0.0, 0.0001, 0.07, 1.0].map(failure),
            ["0\u{a0}%", "0.1\u{a0}%", "7\u{a0}%", "100\u{a0}%"]
        );
    }

    #[test]
    fn messages_are_bounded_and_may_be_missing() {
        let (_, message) = error(&json!({ "class": "transient", "message": "ä".repeat(5_000) }));
        assert_eq!(message.unwrap().chars().count(), MAX_MESSAGE + 1);
        assert_eq!(error(&Value::Null), ("It failed.", None));
        assert_eq!((step("post_new_kind"), step("")), ("Post new kind".into(), String::new()));
        assert_eq!(done("<script>"), None);
    }
}
