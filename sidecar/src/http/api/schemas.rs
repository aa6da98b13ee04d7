//! The objects that answers consist of: the columns of the views and functions that give them.

use super::schema::{Schema, schema};

pub(super) static POST_LISTED: Schema = schema!("PostListed" {
    id: Uuid, workspace_id: Uuid, author_id?: Uuid, content: Text, media: Array, settings: Object, state: Text, stage: Text,
    scheduled_at?: Time, created_at: Time, updated_at?: Time, targets: Int, published: Int, failed: Int, unconfirmed: Int,
    deleted: Int, urls: Texts, thread?: Array, accounts?: Uuids, variants?: Object, first_comment?: Text, split: Bool,
    priority: Int, tags: Texts, schedule_id?: Uuid,
});

pub(super) static TARGET: Schema = schema!("Target" {
    id: Uuid, account_id: Uuid, platform: Text, handle: Text, part: Int, answers?: Int, content?: Text, media?: Array,
    settings?: Object, state: Text, due_at?: Time, url?: Text, external_id?: Text, error?: Json, attempts: Int,
    published_at?: Time, deleted_at?: Time, metrics?: Object,
});

pub(super) static POST: Schema = schema!("Post" {
    id: Uuid, workspace_id: Uuid, author_id?: Uuid, content: Text, media: Array, thread: Array, first_comment?: Text,
    split: Bool, settings: Object, variants: Object, accounts?: Uuids, priority: Int, tags: Texts, scheduled_at?: Time,
    next_slot: Bool, schedule_id?: Uuid, created_at: Time, updated_at: Time, deleted_at?: Time, stage: Text, state: Text,
    targets: [TARGET],
});

pub(super) static TARGET_STATE: Schema =
    schema!("TargetState" { target_id: Uuid, account_id: Uuid, state: Text });

pub(super) static DELETED_TARGET: Schema =
    schema!("DeletedTarget" { target_id: Uuid, account_id: Uuid, state: Text, action_id?: Uuid });

pub(super) static STEP: Schema = schema!("TimelineStep" {
    at: Time, kind: Text, account_id?: Uuid, target_id?: Uuid, user_id?: Uuid, details?: Json,
});

pub(super) static PLANNED: Schema = schema!("CalendarEntry" {
    due_at: Time, post_id?: Uuid, schedule_id?: Uuid, state: Text, content: Text, accounts?: Json, tags: Texts, media: Int,
});

pub(super) static ACCOUNT: Schema = schema!("Account" {
    id: Uuid, workspace_id: Uuid, platform: Text, external_id: Text, handle: Text, base_url: Text, status: Text,
    status_reason?: Text, created_at: Time, updated_at: Time,
});

pub(super) static LIMIT: Schema = schema!("Limit" {
    action: Text, scope: Text, per?: Interval, max?: Long, used?: Long, remaining?: Long, resets_at?: Time, custom: Bool,
    blocked_until?: Time, reason?: Text,
});

pub(super) static TOKEN: Schema = schema!("Token" {
    account_id: Uuid, expires_at?: Time, refresh_expires_at?: Time, updated_at: Time, refresh_at?: Time, refresh_failures: Int,
    failed_with?: Text, failed_at?: Time,
});

pub(super) static MAY_ACT: Schema = schema!("MayAct" {
    allowed: Bool, used?: Long, max?: Long, per?: Interval, remaining?: Long, resets_at?: Time, blocked_until?: Time, reason?: Text,
});

pub(super) static JOB: Schema = schema!("Job" {
    id: Uuid, workspace_id?: Uuid, user_id?: Uuid, account_id?: Uuid, platform?: Text, kind: Text, params: Json,
    priority: Int, state: Text, run_at?: Time, expires_at?: Time, dedupe_key?: Text, attempt: Int, max_attempts: Int,
    lost_leases: Int, lease_expires_at?: Time, progress?: Json, result?: Json, error?: Json, created_at: Time,
    finished_at?: Time,
});

pub(super) static USER_JOB: Schema = schema!("UserJob" {
    id: Uuid, workspace_id?: Uuid, user_id?: Uuid, account_id?: Uuid, platform?: Text, kind: Text, params: Json,
    priority: Int, state: Text, run_at?: Time, attempt: Int, max_attempts: Int, progress?: Json, result?: Json,
    error?: Json, created_at: Time, finished_at?: Time, total_count: Long, total_is_exact: Bool,
});

pub(super) static DEAD_JOB: Schema = schema!("DeadJob" {
    job_id: Uuid, workspace_id?: Uuid, user_id?: Uuid, account_id?: Uuid, platform?: Text, kind: Text, params: Json,
    attempt: Int, error?: Json, created_at: Time, finished_at: Time,
});

pub(super) static FOUND_JOB: Schema =
    schema!("FoundJob" { job_id: Uuid, is_new: Bool, existing_status?: Text });

pub(super) static CACHED_RESULT: Schema =
    schema!("CachedResult" { job_id: Uuid, result?: Json, completed_at: Time });

pub(super) static LOG_LINE: Schema = schema!("LogLine" {
    id: Uuid, job_id: Uuid, workspace_id?: Uuid, level: Text, message: Text, metadata?: Json, created_at: Time,
});

pub(super) static EVENT: Schema = schema!("Event" {
    id: Uuid, workspace_id: Uuid, kind: Text, account_id?: Uuid, post_id?: Uuid, target_id?: Uuid, payload?: Json,
    created_at: Time,
});

pub(super) static WORKSPACE: Schema =
    schema!("Workspace" { workspace_id: Uuid, name: Text, role: Text, member_since: Time });

pub(super) static WORKSPACE_STATS: Schema = schema!("WorkspaceStats" {
    posts: Object, jobs: Object, accounts: Object, members: Long, last_activity_at?: Time, complete: Bool,
});

pub(super) static MEMBER: Schema = schema!("Member" { user_id: Uuid, role: Text, member_since: Time });

pub(super) static INVITATION: Schema = schema!("Invitation" {
    user_id: Uuid, role: Text, invited_by?: Uuid, created_at: Time, expires_at: Time,
});

pub(super) static MY_INVITATION: Schema = schema!("MyInvitation" {
    workspace_id: Uuid, name: Text, role: Text, invited_by?: Uuid, expires_at: Time,
});

pub(super) static API_KEY: Schema = schema!("ApiKey" {
    id: Uuid, name: Text, role: Text, made_by?: Uuid, created_at: Time, expires_at?: Time, last_used_at?: Time, revoked_at?: Time,
});

pub(super) static NEW_API_KEY: Schema = schema!("NewApiKey" { id: Uuid, key: Text });

pub(super) static STATUS: Schema = schema!("Status" {
    paused: Bool, reason?: Text, library_version: Text, schema_version: Int, schema_current: Bool,
});

pub(super) static SLOTS: Schema = schema!("Slots" { zone: Text, slots: Object });

pub(super) static ACTION: Schema = schema!("Action" {
    id: Uuid, workspace_id: Uuid, account_id: Uuid, platform: Text, handle: Text, kind: Text, subject?: Text, text?: Text,
    target_id?: Uuid, user_id?: Uuid, job_id?: Uuid, state: Text, attempts: Int, run_at?: Time, started_at?: Time,
    external_id?: Text, url?: Text, error?: Json, created_at: Time, finished_at?: Time,
});

pub(super) static SCHEDULE_LISTED: Schema = schema!("ScheduleListed" {
    id: Uuid, workspace_id: Uuid, author_id?: Uuid, name?: Text, kind: Text, state: Text, template: Object, rule?: Text,
    starts: WallTime, zone: Text, ends?: WallTime, exceptions: Texts, additions: Texts, missed: Text, priority: Int,
    item_rest?: Interval, account_rest?: Interval, next_at?: Time, empty_since?: Time, created_at: Time, updated_at?: Time,
});

pub(super) static OCCURRENCE: Schema = schema!("Occurrence" {
    occurs_at: Time, state: Text, post_id?: Uuid, item_id?: Uuid, error?: Json, created_at: Time,
});

pub(super) static SCHEDULE: Schema = schema!("Schedule" {
    id: Uuid, workspace_id: Uuid, author_id?: Uuid, name?: Text, kind: Text, state: Text, template: Object, rule?: Text,
    starts: WallTime, zone: Text, ends?: WallTime, exceptions: Texts, additions: Texts, missed: Text, priority: Int,
    item_rest?: Interval, account_rest?: Interval, next_at?: Time, empty_since?: Time, created_at: Time, updated_at?: Time,
    items?: Long, recent: [OCCURRENCE],
});

pub(super) static SCHEDULE_ITEM: Schema = schema!("ScheduleItem" {
    id: Uuid, schedule_id: Uuid, template: Object, weight: Int, uses: Long, last_used_at?: Time, created_at: Time,
});

pub(super) static COMING: Schema =
    schema!("ComingTime" { occurs_at: Time, wall_time: WallTime, utc_offset: Text, note?: Text });

pub(super) static WEBHOOK: Schema = schema!("Webhook" {
    id: Uuid, workspace_id: Uuid, source: Text, platform: Text, account_id?: Uuid, external_id?: Text, kinds?: Texts,
    payload?: Json, headers?: Json, received_at: Time, processed_at?: Time, replays?: Int,
});

pub(super) static ALERT_ENDPOINT: Schema = schema!("AlertEndpoint" {
    id: Uuid, workspace_id?: Uuid, url: Text, kinds?: Texts, enabled: Bool, disabled_because?: Text, created_at: Time,
    last_success_at?: Time, last_failure_at?: Time, last_error?: Text, failing_since?: Time, waiting: Long,
});

pub(super) static VALIDATED: Schema = schema!("ValidatedAccount" {
    account_id: Uuid, platform?: Text, ok: Bool, reason?: Text, problems: Texts, lengths: [LENGTH],
});

pub(super) static LENGTH: Schema = schema!("TextLength" { of: Text, found: Int, limit: Int, unit: Text });

pub(super) static POST_PAGED: Schema = schema!("PostPaged" {
    id: Uuid, workspace_id: Uuid, author_id?: Uuid, state: Text, content: Text, media: Array, accounts: Uuids, tags: Texts,
    priority: Int, scheduled_at?: Time, created_at: Time, updated_at?: Time, targets: Int, published: Int, failed: Int,
    unconfirmed: Int, urls: Texts, total_count: Long, total_is_exact: Bool,
});

pub(super) static ANALYTICS: Schema = schema!("Analytics" {
    bucket: Time, kind?: Text, platform?: Text, account_id?: Uuid, events: Long, value: Number,
});

pub(super) static RATES: Schema = schema!("PublishRates" {
    platform?: Text, published: Long, failed: Long, unconfirmed: Long, success_rate?: Number, failure_rate?: Number,
});

pub(super) static USER_STATS: Schema = schema!("UserStats" {
    user_id: Uuid, posts: Long, drafts: Long, scheduled: Long, published: Long, failed: Long, unconfirmed: Long, canceled: Long,
    last_post_at: Time, refreshed_at: Time,
});

pub(super) static ACTIVITY: Schema = schema!("Activity" {
    id: Uuid, workspace_id: Uuid, at: Time, actor: Text, user_id?: Uuid, action: Text, object_type: Text, object_id?: Uuid,
    changes: Object,
});
