//! What Discord refuses with.

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::serve;

/// Status, code, message.
#[derive(Clone, Copy)]
pub(super) struct Refused(pub(super) StatusCode, pub(super) u32, pub(super) &'static str);

pub(super) const UNAUTHORIZED: Refused = Refused(StatusCode::UNAUTHORIZED, 0, "401: Unauthorized");
pub(super) const WRONG_TOKEN: Refused = Refused(StatusCode::UNAUTHORIZED, 50_027, "Invalid Webhook Token");
pub(super) const UNKNOWN_WEBHOOK: Refused = Refused(StatusCode::NOT_FOUND, 10_015, "Unknown Webhook");
pub(super) const UNKNOWN_CHANNEL: Refused = Refused(StatusCode::NOT_FOUND, 10_003, "Unknown Channel");
pub(super) const UNKNOWN_MESSAGE: Refused = Refused(StatusCode::NOT_FOUND, 10_008, "Unknown Message");
pub(super) const MISSING_PERMISSIONS: Refused = Refused(StatusCode::FORBIDDEN, 50_013, "Missing Permissions");
pub(super) const NO_SUCH_PATH: Refused = Refused(StatusCode::NOT_FOUND, 0, "404: Not Found");
pub(super) const EMPTY: Refused = Refused(StatusCode::BAD_REQUEST, 50_006, "Cannot send an empty message");
pub(super) const INVALID: Refused = Refused(StatusCode::BAD_REQUEST, 50_035, "Invalid Form Body");
pub(super) const TOO_LARGE: Refused =
    Refused(StatusCode::PAYLOAD_TOO_LARGE, 40_005, "Request entity too large");
pub(super) const TOO_MANY: Refused =
    Refused(StatusCode::BAD_REQUEST, 30_015, "Maximum number of attachments in a message reached (10)");
pub(super) const FORUM_WITHOUT_THREAD: Refused = Refused(
    StatusCode::BAD_REQUEST,
    220_001,
    "Webhooks posted to forum channels must have a thread_name or thread_id",
);
pub(super) const NO_FORUM: Refused =
    Refused(StatusCode::BAD_REQUEST, 220_003, "Webhooks can only create threads in forum channels");
/// What is answered is not there: told by the field.
pub(super) const NO_REPLY: Refused = Refused(StatusCode::BAD_REQUEST, 50_035, "Unknown message");

impl Refused {
    pub(super) fn answer(self) -> Response<Bytes> {
        let Self(status, code, message) = self;
        let mut body = json!({"message": message, "code": code});
        if message == NO_REPLY.2 {
            body = json!({"message": INVALID.2, "code": code, "errors": {"message_reference": {
                "_errors": [{"code": "REPLIES_UNKNOWN_MESSAGE", "message": message}]}}});
        }
        serve::json(status, &body)
    }
}
