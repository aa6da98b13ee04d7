//! What became of what was published, and who did what.

use super::route;
use crate::db::api::{Kind, function};
use crate::http::api::route::Answer::{Done, Page, Row, Rows, Value};
use crate::http::api::route::Route;
use crate::http::api::schemas::{ACTIVITY, ANALYTICS, RATES, USER_STATS, WORKSPACE_STATS};

pub(super) const ROUTES: &[Route] = &[
    route!(analysis Get "/v1/workspaces/{workspace_id}/stats" "A workspace at a glance: posts, jobs and accounts by state.",
        function!(get_workspace_stats(p_workspace_id uuid)) => Row(&WORKSPACE_STATS)),
    route!(analysis Get "/v1/workspaces/{workspace_id}/user-stats" "What each user has published in a workspace, as it was worked out last.",
        function!(get_user_stats(p_workspace_id uuid, p_user_id uuid = "NULL")) => Rows(&USER_STATS)),
    route!(analysis Get "/v1/workspaces/{workspace_id}/analytics" "Events and their values by hour, day, week or month; group_by: kind, platform, account.",
        function!(analytics(
            p_workspace_id uuid, p_from timestamptz, p_to timestamptz = "now()", p_bucket text = "'day'",
            p_group_by _text = "'{kind,platform}'", p_kinds _text = "NULL"
        )) => Rows(&ANALYTICS)),
    route!(analysis Get "/v1/workspaces/{workspace_id}/publish-rates" "How publishing came out, by platform.", function!(publish_rates(
        p_workspace_id uuid, p_from timestamptz = "now() - '30 days'::interval", p_to timestamptz = "now()"
    )) => Rows(&RATES)),
    route!(Post "/v1/analytics/events" "Records an array of events; answers with how many were added.",
        function!(record_analytics(p_events jsonb)) => Value("added", Kind::Long)),
    route!(Put "/v1/workspaces/{workspace_id}/metrics-reading" "Has the figures of published posts be read by themselves, or not.",
        function!(set_metrics_reading(p_workspace_id uuid, p_enabled bool)) => Done),
    route!(Get "/v1/workspaces/{workspace_id}/activity" "Who did what in a workspace, the newest first.", function!(get_activity_log(
        p_workspace_id uuid, p_cursor text = "NULL", p_limit int4 = "50", p_user_id uuid = "NULL", p_action text = "NULL",
        p_object_type text = "NULL", p_object_id uuid = "NULL", p_since timestamptz = "NULL", p_until timestamptz = "NULL"
    )) => Page(&ACTIVITY)),
];
