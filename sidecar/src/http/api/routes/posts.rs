//! Posts and their targets.

use super::route;
use crate::db::api::{Kind, function};
use crate::http::api::route::Answer::{Done, Made, Page, Row, Rows, Value};
use crate::http::api::route::Route;
use crate::http::api::schemas::{
    DELETED_TARGET, PLANNED, POST, POST_LISTED, POST_PAGED, STEP, TARGET_STATE, VALIDATED,
};

pub(super) const ROUTES: &[Route] = &[
    route!(Get "/v1/posts" "Posts, the newest first.", function!(list_posts(
        p_cursor text = "NULL", p_limit int4 = "50", p_workspace_id uuid = "NULL", p_status text = "NULL",
        p_since timestamptz = "NULL", p_until timestamptz = "NULL", p_account_id uuid = "NULL", p_tag text = "NULL",
        p_search text = "NULL"
    )) => Page(&POST_LISTED)),
    route!(Post "/v1/posts" "Accepts a post for some accounts at a time. What a platform would refuse is refused.", function!(create_post(
        workspace_id uuid, content text, accounts _uuid, scheduled_at timestamptz = "now()", media jsonb = "'[]'",
        settings jsonb = "'{}'", thread jsonb = "'[]'", first_comment text = "NULL", split bool = "false",
        variants jsonb = "'{}'", tags _text = "'{}'", priority int4 = "0", draft bool = "false", next_slot bool = "false"
    )) => Made("/v1/posts/")),
    route!(Post "/v1/posts/validate" "What making a post would say, account by account, without making it.", function!(validate_post(
        workspace_id uuid, content text, accounts _uuid, media jsonb = "'[]'", settings jsonb = "'{}'", thread jsonb = "'[]'",
        first_comment text = "NULL", split bool = "false", variants jsonb = "'{}'", tags _text = "'{}'", priority int4 = "0"
    )) => Rows(&VALIDATED)),
    route!(Get "/v1/posts/paged" "The first thousand posts of a workspace by number of page, with a total.", function!(get_posts(
        p_workspace_id uuid, p_page int4 = "1", p_limit int4 = "50", p_status text = "NULL", p_account_id uuid = "NULL",
        p_tag text = "NULL", p_search text = "NULL", p_since timestamptz = "NULL", p_until timestamptz = "NULL",
        p_order_by text = "'created_at'", p_order_dir text = "'desc'"
    )) => Rows(&POST_PAGED)),
    route!(Get "/v1/posts/{post_id}" "A post with its targets.", function!(get_post(post_id uuid)) => Row(&POST)),
    route!(Patch "/v1/posts/{post_id}" "Changes what is not out yet of a post; what is left out stays.", function!(update_post(
        post_id uuid, content text = "NULL", accounts _uuid = "NULL", media jsonb = "NULL", settings jsonb = "NULL",
        thread jsonb = "NULL", first_comment text = "NULL", split bool = "NULL", variants jsonb = "NULL", tags _text = "NULL",
        priority int4 = "NULL"
    )) => Rows(&TARGET_STATE)),
    route!(Delete "/v1/posts/{post_id}" "Cancels what was not sent and deletes the post; on_platforms takes back what is published.",
        function!(delete_post(post_id uuid, on_platforms bool = "false")) => Rows(&DELETED_TARGET)),
    route!(Post "/v1/posts/{post_id}/cancel" "Cancels what was not sent yet.",
        function!(cancel_post(post_id uuid)) => Rows(&TARGET_STATE)),
    route!(Post "/v1/posts/{post_id}/reschedule" "Plans a post for another time, or for the next slots of its accounts.",
        function!(reschedule_post(post_id uuid, scheduled_at timestamptz = "now()", next_slot bool = "false"))
        => Rows(&TARGET_STATE)),
    route!(Post "/v1/posts/{post_id}/retry" "Tries at once again what failed of a post.",
        function!(retry_post(post_id uuid)) => Rows(&TARGET_STATE)),
    route!(Post "/v1/posts/{post_id}/duplicate" "Makes another post of what a post says: a draft, or planned at a time.",
        function!(duplicate_post(post_id uuid, scheduled_at timestamptz = "NULL")) => Made("/v1/posts/")),
    route!(Post "/v1/posts/{post_id}/submit" "Sends a draft to review, or plans it where posts need no approval.",
        function!(submit_post(post_id uuid)) => Value("stage", Kind::Text)),
    route!(Post "/v1/posts/{post_id}/approve" "Approves a post in review. read_at: its updated_at as it was read.",
        function!(approve_post(post_id uuid, read_at timestamptz = "NULL")) => Value("stage", Kind::Text)),
    route!(Post "/v1/posts/{post_id}/reject" "Sends a post in review back to its author, with the reason.",
        function!(reject_post(post_id uuid, reason text)) => Done),
    route!(Get "/v1/posts/{post_id}/timeline" "What happened to a post, the first things first.",
        function!(post_timeline(p_post_id uuid, p_limit int4 = "200")) => Rows(&STEP)),
    route!(Get "/v1/calendar" "The posts of a workspace whose time lies between two (at most 92 days), the first ones first.",
        function!(calendar(p_workspace_id uuid, p_from timestamptz, p_to timestamptz, p_account_id uuid = "NULL"))
        => Rows(&PLANNED)),
    route!(Post "/v1/targets/{target_id}/resolve" "Says of an unconfirmed target whether the platform has the post: published or absent.",
        function!(resolve_target(target_id uuid, outcome text, url text = "NULL")) => Value("state", Kind::Text)),
    route!(Post "/v1/targets/{target_id}/read-metrics" "Has the figures of a published target read now.",
        function!(read_metrics(target_id uuid)) => Value("job_id", Kind::Uuid)),
    route!(Delete "/v1/targets/{target_id}" "Takes a published target back from its platform.",
        function!(delete_published(target_id uuid)) => Value("action_id", Kind::Uuid)),
];
