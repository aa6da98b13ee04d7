//! Webhooks that platforms sent, and where alerts go.

use super::route;
use crate::db::api::{Kind, function};
use crate::http::api::route::Answer::{Done, Page, Rows, Value, Values};
use crate::http::api::route::Route;
use crate::http::api::schemas::{ALERT_ENDPOINT, WEBHOOK};

pub(super) const ROUTES: &[Route] = &[
    route!(Get "/v1/webhooks" "Webhooks received, the newest first.", function!(list_webhooks(
        p_cursor text = "NULL", p_limit int4 = "50", p_workspace_id uuid = "NULL", p_platform text = "NULL", p_kind text = "NULL",
        p_account_id uuid = "NULL", p_processed bool = "NULL", p_since timestamptz = "NULL", p_until timestamptz = "NULL"
    )) => Page(&WEBHOOK)),
    route!(Post "/v1/webhooks/replay" "Has webhooks of a time processed again, the oldest first; answers with their ids.", function!(replay_webhooks(
        p_since timestamptz, p_until timestamptz = "NULL", p_workspace_id uuid = "NULL", p_platform text = "NULL", p_limit int4 = "1000"
    )) => Values(Kind::Uuid)),
    route!(Post "/v1/webhooks/{webhook_id}/replay" "Has a received webhook processed again.",
        function!(replay_webhook(p_webhook_id uuid)) => Value("job_id", Kind::Uuid)),
    route!(Get "/v1/alert-endpoints" "Where alerts go, and what became of them.",
        function!(list_alert_endpoints(p_workspace_id uuid = "NULL")) => Rows(&ALERT_ENDPOINT)),
    route!(Patch "/v1/alert-endpoints/{id}" "Enables an endpoint again, or disables it.",
        function!(enable_alert_endpoint(p_id uuid, p_enabled bool = "true")) => Done),
    route!(Delete "/v1/alert-endpoints/{id}" "Removes an endpoint.",
        function!(remove_alert_endpoint(p_id uuid)) => Done),
];
