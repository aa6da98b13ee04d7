//! Schedules and the items of their queues.

use super::route;
use crate::db::api::{Kind, function};
use crate::http::api::route::Answer::{Done, Made, Maybe, Page, Row, Rows, Value, Values};
use crate::http::api::route::Route;
use crate::http::api::schemas::{COMING, SCHEDULE, SCHEDULE_ITEM, SCHEDULE_LISTED};

pub(super) const ROUTES: &[Route] = &[
    route!(Get "/v1/schedules" "Schedules, the newest first.", function!(list_schedules(
        p_cursor text = "NULL", p_limit int4 = "50", p_workspace_id uuid = "NULL", p_state text = "NULL", p_kind text = "NULL"
    )) => Page(&SCHEDULE_LISTED)),
    route!(Post "/v1/schedules" "Makes a schedule: single, recurring or evergreen. Times are wall times of its zone.", function!(create_schedule(
        workspace_id uuid, kind text, template jsonb, rule text = "NULL", starts timestamp, zone text, ends timestamp = "NULL",
        exceptions _text = "'{}'", missed text = "'catch_up'", priority int4 = "0", name text = "NULL", additions _text = "'{}'",
        item_rest interval = "NULL", account_rest interval = "NULL"
    )) => Made("/v1/schedules/")),
    route!(Post "/v1/schedules/preview" "The coming times of a schedule, or of a definition of one.", function!(preview_schedule(
        schedule_id uuid = "NULL", definition jsonb = "NULL", n int4 = "10"
    )) => Rows(&COMING)),
    route!(Get "/v1/schedules/{schedule_id}" "A schedule, with what became of its last ten occurrences.",
        function!(get_schedule(schedule_id uuid)) => Row(&SCHEDULE)),
    route!(Patch "/v1/schedules/{schedule_id}" "Changes what a schedule makes from now on; what is left out stays.", function!(update_schedule(
        schedule_id uuid, template jsonb = "NULL", rule text = "NULL", starts timestamp = "NULL", zone text = "NULL",
        ends timestamp = "NULL", exceptions _text = "NULL", missed text = "NULL", priority int4 = "NULL", name text = "NULL",
        additions _text = "NULL", item_rest interval = "NULL", account_rest interval = "NULL"
    )) => Maybe("next_at", Kind::Time)),
    route!(Delete "/v1/schedules/{schedule_id}" "Ends a schedule for good.",
        function!(end_schedule(schedule_id uuid)) => Done),
    route!(Post "/v1/schedules/{schedule_id}/pause" "Stops a schedule until it is resumed.",
        function!(pause_schedule(schedule_id uuid)) => Done),
    route!(Post "/v1/schedules/{schedule_id}/resume" "Has a paused schedule go on from now.",
        function!(resume_schedule(schedule_id uuid)) => Maybe("next_at", Kind::Time)),
    route!(Get "/v1/schedules/{schedule_id}/items" "The items of an evergreen schedule, the newest first.",
        function!(list_schedule_items(schedule_id uuid, p_cursor text = "NULL", p_limit int4 = "50"))
        => Page(&SCHEDULE_ITEM)),
    route!(Post "/v1/schedules/{schedule_id}/items" "Adds items to the queue of an evergreen schedule; answers with their ids.",
        function!(add_schedule_items(schedule_id uuid, items jsonb)) => Values(Kind::Uuid)),
    route!(Delete "/v1/schedules/{schedule_id}/items/{item_id}" "Takes an item out of a queue. False: there was none.",
        function!(remove_schedule_item(schedule_id uuid, item_id uuid)) => Value("removed", Kind::Bool)),
];
