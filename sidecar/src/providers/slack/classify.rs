//! What an answer means. Slack says most of what is wrong in a success, `{"ok": false, "error": "…"}`; webhooks say it in one word.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use serde_json::Value;

use crate::client::Answer;
use crate::providers::Failure;
use crate::providers::answer::{Phase, retry_at};

/// The most characters of an error's name.
const MAX_WORD: usize = 80;

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    in_success(phase, answer, now).unwrap_or_else(|| judged(phase, answer, &word(answer), "", now))
}

/// What an answer says that says what is wrong, whatever its status; nothing where it says that all is well, or nothing that can
/// be read.
pub(super) fn in_success(phase: Phase, answer: &Answer, now: SystemTime) -> Option<Failure> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    if body["ok"].as_bool() == Some(true) && answer.status == 200 {
        return None;
    }
    let error = body["error"].as_str().unwrap_or_default();
    if !body.is_object() || error.is_empty() && answer.status != 200 {
        return None;
    }
    let needed = body["needed"].as_str().unwrap_or_default();
    Some(judged(phase, answer, error, needed, now))
}

/// What a webhook says: one word.
fn word(answer: &Answer) -> String {
    let text = std::str::from_utf8(&answer.body).unwrap_or_default().trim();
    let is_word = text.len() <= MAX_WORD
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if is_word { text.to_owned() } else { String::new() }
}

fn judged(phase: Phase, answer: &Answer, error: &str, needed: &str, now: SystemTime) -> Failure {
    let class = class(phase, answer.status, error);
    let message = match (error, needed) {
        ("", _) => format!("the server answered {}", answer.status),
        (error, "") => format!("Slack answered {error}"),
        (error, needed) => format!("Slack answered {error}: the token needs the scope {needed}"),
    };
    Failure {
        status: Some(answer.status),
        code: Some(error.chars().take(MAX_WORD).collect()).filter(|code: &String| !code.is_empty()),
        retry_at: (class == ErrorClass::RateLimited).then(|| retry_at(answer, None, now)),
        ..Failure::new(class, message)
    }
}

fn class(phase: Phase, status: u16, error: &str) -> ErrorClass {
    // A server that failed while publishing may have published, whatever it says.
    if status >= 500 {
        return phase.not_clear();
    }
    match error {
        _ if status == 429 => ErrorClass::RateLimited,
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => ErrorClass::RateLimited,
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive"
        | "org_login_required" | "invalid_token" | "invalid_code" | "code_already_used"
        | "bad_redirect_uri" => phase.unauthorized(),
        "missing_scope"
        | "not_allowed_token_type"
        | "no_permission"
        | "access_denied"
        | "accesslimited"
        | "ekm_access_denied"
        | "enterprise_is_restricted"
        | "team_access_not_granted"
        | "two_factor_setup_required"
        | "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "restricted_action_non_threadable_channel"
        | "restricted_action_thread_locked"
        | "user_is_restricted"
        | "posting_to_general_channel_denied"
        | "action_prohibited"
        | "as_user_not_supported"
        | "cant_delete_message"
        | "compliance_exports_prevent_deletion"
        | "file_uploads_disabled"
        | "file_uploads_except_images_disabled" => ErrorClass::Permission,
        "channel_not_found"
        | "not_in_channel"
        | "is_archived"
        | "channel_is_archived"
        | "message_not_found"
        | "thread_not_found"
        | "cannot_reply_to_message"
        | "file_not_found"
        | "file_deleted"
        | "no_service"
        | "no_service_id"
        | "no_active_hooks"
        | "no_team"
        | "team_disabled" => ErrorClass::TargetMissing,
        "msg_too_long"
        | "no_text"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "msg_blocks_too_long"
        | "too_many_attachments"
        | "attachment_payload_limit_exceeded"
        | "metadata_too_large"
        | "invalid_metadata_format"
        | "invalid_metadata_schema"
        | "invalid_payload"
        | "invalid_arguments"
        | "invalid_array_arg"
        | "invalid_arg_name"
        | "missing_argument"
        | "alt_txt_too_large"
        | "file_type_not_allowed"
        | "file_upload_size_restricted"
        | "duplicate_message_not_found"
        | "posting_blocked" => ErrorClass::ContentInvalid,
        "invalid_client_id"
        | "bad_client_secret"
        | "deprecated_endpoint"
        | "method_deprecated"
        | "unknown_method"
        | "method_not_supported_for_channel_type"
        | "invalid_post_type"
        | "missing_post_type"
        | "invalid_form_data"
        | "invalid_charset"
        | "invalid_json"
        | "json_not_object" => ErrorClass::Config,
        // Something in between has answered.
        "" if phase == Phase::Login && (300..500).contains(&status) => ErrorClass::Config,
        // internal_error, fatal_error, service_unavailable, request_timeout: some of it may have been done, Slack says. And what
        // nobody knows.
        _ => phase.not_clear(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("slack", failure);
        assert!(checked >= 60, "only {checked} classes");
    }

    #[test]
    fn a_success_says_so() {
        let of = |body: &str| {
            in_success(Phase::Commit, &answer(200, &[], body), now()).map(|failure| failure.class)
        };
        assert_eq!(of(r#"{"ok":true}"#), None);
        assert_eq!(of(r#"{"ok":false,"error":"is_archived"}"#), Some(ErrorClass::TargetMissing));
        for odd in [r#"{"ok":false}"#, r#"{"ok":"true"}"#, "{}", r#"{"ok":false,"error":7}"#] {
            assert_eq!(of(odd), Some(ErrorClass::OutcomeUnknown), "{odd}");
        }
        let scope = failure(
            Phase::Prepare,
            &answer(
                200,
                &[],
                r#"{"ok":false,"error":"missing_scope","needed":"files:write","provided":"x"}"#,
            ),
            now(),
        );
        assert_eq!(scope.message, "Slack answered missing_scope: the token needs the scope files:write");
    }

    #[test]
    fn what_slack_does_not_say_proves_nothing() {
        for body in ["", "{", "[]", "<html>", "null", "{}", "Not Found"] {
            for status in [302, 400, 403, 404, 500, 502] {
                let failure = failure(Phase::Commit, &answer(status, &[], body), now());
                assert_eq!(failure.class, ErrorClass::OutcomeUnknown, "{status} {body}");
            }
        }
    }
}
