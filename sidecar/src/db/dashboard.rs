//! What the dashboard asks for a person, and does for them: functions of SQL, called as in the API.

use uuid::Uuid;

use super::api::{Argument, Function, Kind, function};
use super::pool::Db;
use super::rows::contract;
use crate::error::Error;

const fn required(sql_name: &'static str) -> Argument {
    Argument { sql_name, kind: Kind::Uuid, required: true }
}

pub(crate) const MY_WORKSPACES: Function = function!(my_workspaces());
pub(crate) const LIST_POSTS: Function = function!(list_posts(
    p_cursor text = "NULL", p_limit int4 = "50", p_workspace_id uuid, p_status text = "NULL", p_search text = "NULL"
));
pub(crate) const GET_POST: Function = function!(get_post(post_id uuid));
pub(crate) const POST_TIMELINE: Function = function!(post_timeline(p_post_id uuid));
pub(crate) const CALENDAR: Function =
    function!(calendar(p_workspace_id uuid, p_from timestamptz, p_to timestamptz));
pub(crate) const RATE_LIMIT_STATUS: Function = function!(rate_limit_status(p_account_id uuid));
pub(crate) const TOKEN_STATUS: Function = function!(token_status(p_account_ids _uuid));
pub(crate) const WORKSPACE_STATS: Function = function!(get_workspace_stats(p_workspace_id uuid));
pub(crate) const LIST_JOBS: Function = function!(list_jobs(
    p_cursor text = "NULL", p_limit int4 = "50", p_workspace_id uuid, p_status text = "NULL"
));
pub(crate) const LIST_SCHEDULES: Function = function!(list_schedules(
    p_cursor text = "NULL", p_limit int4 = "50", p_workspace_id uuid
));
pub(crate) const GET_SCHEDULE: Function = function!(get_schedule(schedule_id uuid));
pub(crate) const PREVIEW_SCHEDULE: Function = function!(preview_schedule(
    schedule_id uuid = "NULL", definition jsonb = "NULL", n int4 = "10"
));
pub(crate) const LIST_SCHEDULE_ITEMS: Function = function!(list_schedule_items(
    schedule_id uuid, p_cursor text = "NULL", p_limit int4 = "50"
));
pub(crate) const ANALYTICS: Function = function!(analytics(
    p_workspace_id uuid, p_from timestamptz, p_to timestamptz = "now()", p_bucket text = "'day'",
    p_group_by _text = "'{kind,platform}'", p_kinds _text = "NULL"
));
pub(crate) const PUBLISH_RATES: Function =
    function!(publish_rates(p_workspace_id uuid, p_from timestamptz = "now() - interval '30 days'"));
pub(crate) const ACTIVITY: Function = function!(get_activity_log(
    p_workspace_id uuid, p_cursor text = "NULL", p_limit int4 = "50", p_object_type text = "NULL"
));

pub(crate) const CREATE_POST: Function = function!(create_post(
    workspace_id uuid, content text, accounts _uuid, scheduled_at timestamptz = "now()", media jsonb = "'[]'",
    settings jsonb = "'{}'", thread jsonb = "'[]'", first_comment text = "NULL", split bool = "false", tags _text = "'{}'",
    draft bool = "false", next_slot bool = "false"
));
pub(crate) const CANCEL_POST: Function = function!(cancel_post(post_id uuid));
pub(crate) const RESCHEDULE_POST: Function =
    function!(reschedule_post(post_id uuid, scheduled_at timestamptz = "now()"));
pub(crate) const RETRY_POST: Function = function!(retry_post(post_id uuid));
pub(crate) const DUPLICATE_POST: Function = function!(duplicate_post(post_id uuid));
pub(crate) const DELETE_POST: Function = function!(delete_post(post_id uuid));
pub(crate) const SUBMIT_POST: Function = function!(submit_post(post_id uuid));
pub(crate) const APPROVE_POST: Function = function!(approve_post(post_id uuid, read_at timestamptz = "NULL"));
pub(crate) const REJECT_POST: Function = function!(reject_post(post_id uuid, reason text));
pub(crate) const RESOLVE_TARGET: Function =
    function!(resolve_target(target_id uuid, outcome text, url text = "NULL"));
pub(crate) const BLOCK_ACCOUNT: Function =
    function!(block_account(p_account_id uuid, p_until timestamptz, p_reason text = "NULL"));
pub(crate) const UNBLOCK_ACCOUNT: Function =
    function!(unblock_account(p_account_id uuid, p_action text = "NULL"));
pub(crate) const RETRY_JOBS: Function = function!(retry_jobs(job_ids _uuid));
pub(crate) const PURGE_JOBS: Function = function!(purge_jobs(job_ids _uuid));
pub(crate) const PAUSE_SCHEDULE: Function = function!(pause_schedule(schedule_id uuid));
pub(crate) const RESUME_SCHEDULE: Function = function!(resume_schedule(schedule_id uuid));
pub(crate) const END_SCHEDULE: Function = function!(end_schedule(schedule_id uuid));
pub(crate) const CREATE_SCHEDULE: Function = function!(create_schedule(
    workspace_id uuid, kind text, template jsonb, rule text = "NULL", starts timestamp, zone text, ends timestamp = "NULL",
    name text = "NULL", item_rest interval = "NULL"
));
pub(crate) const UPDATE_SCHEDULE: Function = function!(update_schedule(
    schedule_id uuid, template jsonb = "NULL", rule text = "NULL", starts timestamp = "NULL", zone text = "NULL",
    ends timestamp = "NULL", name text = "NULL", item_rest interval = "NULL"
));
pub(crate) const ADD_SCHEDULE_ITEMS: Function = function!(add_schedule_items(schedule_id uuid, items jsonb));
pub(crate) const REMOVE_SCHEDULE_ITEM: Function =
    function!(remove_schedule_item(schedule_id uuid, item_id uuid));
pub(crate) const BEGIN_CONNECT: Function = function!(begin_connect(
    workspace_id uuid, platform text, return_url text, server text = "NULL", account_id uuid = "NULL"
));
pub(crate) const CONFIRM_CONNECT: Function = function!(confirm_connect(secret text));

/// The targets of which a person has to say whether they are out, the oldest first. Row-level security shows members theirs alone.
pub(crate) const UNCONFIRMED: Function = Function {
    name: "post_target",
    arguments: &[required("workspace_id")],
    statement: "SELECT pg_catalog.jsonb_build_object('id', t.id, 'post_id', t.post_id, 'platform', t.platform, 'handle', s.handle, \
             'content', pg_catalog.left(coalesce(t.content, p.content), 300), 'error', t.error, 'at', t.intent_at) \
         FROM pg_catalog.jsonb_to_record($1) AS a (workspace_id uuid) \
         JOIN crier.post_target t ON t.workspace_id = a.workspace_id AND t.state = 'unconfirmed' \
         JOIN crier.post p ON p.workspace_id = t.workspace_id AND p.id = t.post_id AND p.deleted_at IS NULL \
         JOIN crier.social_account s ON s.workspace_id = t.workspace_id AND s.id = t.account_id \
         ORDER BY t.id LIMIT 50",
};

/// How much some accounts may still publish.
pub(crate) const PUBLISH_LIMITS: Function = Function {
    name: "check_rate_limit",
    arguments: &[Argument { sql_name: "p_account_ids", kind: Kind::Uuids, required: true }],
    statement: "SELECT pg_catalog.to_jsonb(l) || pg_catalog.jsonb_build_object('account_id', i.id) \
         FROM pg_catalog.jsonb_to_record($1) AS a (p_account_ids _uuid) \
         JOIN crier.accounts AS i ON i.id = ANY (a.p_account_ids) \
         CROSS JOIN LATERAL crier.check_rate_limit(i.id, 'publish') AS l",
};

/// Why some posts failed, account by account.
pub(crate) const FAILURES: Function = Function {
    name: "post_target",
    arguments: &[
        required("workspace_id"),
        Argument { sql_name: "post_ids", kind: Kind::Uuids, required: true },
    ],
    statement: "SELECT pg_catalog.jsonb_build_object('post_id', t.post_id, 'platform', t.platform, 'handle', s.handle, 'error', t.error) \
         FROM pg_catalog.jsonb_to_record($1) AS a (workspace_id uuid, post_ids _uuid) \
         JOIN crier.post_target t ON t.workspace_id = a.workspace_id AND t.post_id = ANY (a.post_ids) AND t.state = 'failed' \
         JOIN crier.social_account s ON s.workspace_id = t.workspace_id AND s.id = t.account_id \
         ORDER BY t.post_id DESC, t.id LIMIT 200",
};

/// What happened in the last ten seconds, whatever workspace it was in: for the sidecar itself. Ids alone.
const NEWEST_EVENTS: &str = "SELECT (e.item ->> 'id')::uuid, (e.item ->> 'workspace_id')::uuid \
     FROM crier.list_events(p_limit => 1000, p_since => pg_catalog.now() - interval '10 seconds') AS l \
     CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(l.items) AS e (item)";

impl Db {
    /// The newest events, each with its workspace.
    pub(crate) async fn newest_events(&self) -> Result<Vec<(Uuid, Uuid)>, Error> {
        let rows = self.rows(NEWEST_EVENTS, &[]).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0).map_err(contract)?, row.try_get(1).map_err(contract)?)))
            .collect()
    }
}
