//! Jobs of an application's own, their logs, and what happened.

use super::route;
use crate::db::api::{Kind, function, only};
use crate::http::api::route::Answer::{Made, Page, Row, Rows, Values};
use crate::http::api::route::Route;
use crate::http::api::schemas::{CACHED_RESULT, DEAD_JOB, EVENT, FOUND_JOB, JOB, LOG_LINE, STATUS, USER_JOB};

pub(super) const ROUTES: &[Route] = &[
    route!(Get "/v1/jobs" "Jobs, the newest first.", function!(list_jobs(
        p_cursor text = "NULL", p_limit int4 = "50", p_workspace_id uuid = "NULL", p_user_id uuid = "NULL", p_status text = "NULL",
        p_job_type text = "NULL", p_since timestamptz = "NULL", p_until timestamptz = "NULL"
    )) => Page(&JOB)),
    route!(Post "/v1/jobs" "Adds a job. An unfinished one of the same workspace, kind and dedupe_key is answered instead.", function!(enqueue(
        kind text, params jsonb = "'{}'", workspace_id uuid = "NULL", account_id uuid = "NULL", priority int4 = "0",
        run_at timestamptz = "NULL", max_attempts int4 = "NULL", expires_at timestamptz = "NULL", dedupe_key text = "NULL"
    )) => Made("/v1/jobs/")),
    route!(Get "/v1/jobs/search" "Jobs whose params and result contain something, the newest first.", function!(search_jobs(
        p_params jsonb = "NULL", p_result jsonb = "NULL", p_cursor text = "NULL", p_limit int4 = "50", p_workspace_id uuid = "NULL",
        p_user_id uuid = "NULL", p_job_type text = "NULL", p_since timestamptz = "NULL", p_until timestamptz = "NULL"
    )) => Page(&JOB)),
    route!(Get "/v1/jobs/mine" "The caller's jobs by page and offset, with a total.", function!(get_user_jobs(
        p_user_id uuid = "(pg_catalog.current_setting('request.jwt.claims')::jsonb ->> 'sub')::uuid", p_status text = "NULL",
        p_job_type text = "NULL", p_limit int4 = "50", p_offset int4 = "0", p_order_by text = "'created_at'",
        p_order_dir text = "'desc'"
    )) => Rows(&USER_JOB), "p_user_id" = "null"),
    route!(Get "/v1/jobs/cached" "The newest result of the caller's jobs of a type with these params.", function!(get_cached_job_result(
        p_user_id uuid = "(pg_catalog.current_setting('request.jwt.claims')::jsonb ->> 'sub')::uuid", p_job_type text, p_params jsonb,
        p_cache_ttl interval = "'1 hour'"
    )) => Row(&CACHED_RESULT), "p_user_id" = "null"),
    route!(Get "/v1/jobs/dead" "Jobs that failed for good, the newest first. before: ids below this one.", function!(dead_jobs(
        kinds _text = "NULL", classes _text = "NULL", max int4 = "100", before uuid = "NULL"
    )) => Rows(&DEAD_JOB)),
    route!(Get "/v1/jobs/{job_id}" "A job.", only::JOB => Row(&JOB)),
    route!(Post "/v1/jobs/batch" "Adds an array of jobs; answers with their ids in that order.",
        function!(enqueue_many(jobs jsonb)) => Values(Kind::Uuid)),
    route!(Post "/v1/jobs/find-or-create" "The caller's unfinished job of a type with these params, or a new one.", function!(find_or_create_job(
        p_user_id uuid = "(pg_catalog.current_setting('request.jwt.claims')::jsonb ->> 'sub')::uuid", p_job_type text, p_params jsonb,
        p_dedupe_window interval = "'5 minutes'"
    )) => Row(&FOUND_JOB), "p_user_id" = "null"),
    route!(Post "/v1/jobs/cancel" "Cancels waiting and running jobs; answers with those that it canceled.",
        function!(cancel_jobs(job_ids _uuid)) => Values(Kind::Uuid)),
    route!(Post "/v1/jobs/retry" "Runs failed jobs again and waiting ones at once; answers with those.",
        function!(retry_jobs(job_ids _uuid)) => Values(Kind::Uuid)),
    route!(Post "/v1/jobs/purge" "Deletes failed jobs for good; answers with those.",
        function!(purge_jobs(job_ids _uuid)) => Values(Kind::Uuid)),
    route!(Get "/v1/logs" "Log lines of jobs, the newest first.", function!(list_logs(
        p_cursor text = "NULL", p_limit int4 = "50", p_job_id uuid = "NULL", p_levels _text = "NULL", p_search text = "NULL",
        p_metadata jsonb = "NULL", p_workspace_id uuid = "NULL", p_since timestamptz = "NULL", p_until timestamptz = "NULL"
    )) => Page(&LOG_LINE)),
    route!(Get "/v1/events" "Events, the newest first.", function!(list_events(
        p_cursor text = "NULL", p_limit int4 = "50", p_workspace_id uuid = "NULL", p_kind text = "NULL", p_post_id uuid = "NULL",
        p_account_id uuid = "NULL", p_since timestamptz = "NULL", p_until timestamptz = "NULL"
    )) => Page(&EVENT)),
    route!(Get "/v1/status" "Whether work is handed out, and the versions.", function!(status()) => Row(&STATUS)),
];
