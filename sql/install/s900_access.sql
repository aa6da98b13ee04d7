-- Who may call what, and what each function is for. The last script: everything exists by now.

-- Nobody may call anything unless it is granted below, whatever default privileges have given: a role of the application's users
-- that could call what is the workers' would be asked nothing. Functions that run with their owner's rights belong to a role
-- that can't log in and owns nothing but crier's tables.
DO $do$
DECLARE
    f record;
    given record;
BEGIN
    FOR f IN
        SELECT p.oid::pg_catalog.regprocedure AS signature, p.prosecdef, p.proacl, p.proowner
        FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_proc p ON p.oid = d.objid
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
          AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
          AND d.deptype = 'e'
          AND d.refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'crier')
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', f.signature);
        FOR given IN
            SELECT DISTINCT r.rolname FROM pg_catalog.aclexplode(f.proacl) a
            JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.grantee
            WHERE a.grantee OPERATOR(pg_catalog.<>) f.proowner
        LOOP
            EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM %I', f.signature, given.rolname);
        END LOOP;
        IF f.prosecdef THEN
            EXECUTE pg_catalog.format('ALTER ROUTINE %s OWNER TO crier_owner', f.signature);
        END IF;
        EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO crier_owner', f.signature);
    END LOOP;
END
$do$;

-- crier_owner makes the tables (migrate runs as it), so it may create in the schema.
GRANT USAGE, CREATE ON SCHEMA crier TO crier_owner;
GRANT USAGE ON SCHEMA crier TO crier_app, crier_worker, crier_monitor;

GRANT EXECUTE ON FUNCTION crier.version() TO crier_app, crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.status() TO crier_app, crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.new_id() TO crier_app, crier_worker;

-- An application user.
GRANT EXECUTE ON FUNCTION crier.my_workspace_ids() TO crier_app;
GRANT EXECUTE ON FUNCTION crier.post_state(text[]) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.create_workspace(text, uuid) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.my_workspace_ids_as(text) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.is_workspace_member_fast(uuid) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.has_workspace_role(uuid, text) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.my_workspaces() TO crier_app;
GRANT EXECUTE ON FUNCTION crier.my_invitations() TO crier_app;
GRANT EXECUTE ON FUNCTION crier.accept_invitation(uuid) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.decline_invitation(uuid) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.leave_workspace(uuid) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.list_members(uuid, uuid, int) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.invite_member(uuid, uuid, text, interval) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_invitations(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.withdraw_invitation(uuid, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.set_member_role(uuid, uuid, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.remove_member(uuid, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.rename_workspace(uuid, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.transfer_ownership(uuid, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.delete_workspace(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.create_api_key(uuid, text, text, timestamptz) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_api_keys(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.revoke_api_key(uuid) TO crier_app, crier_worker;
-- For a server that knows its users: it does not ask them.
GRANT EXECUTE ON FUNCTION crier.add_member(uuid, uuid, text) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.create_post(uuid, text, uuid[], timestamptz, jsonb, jsonb, uuid, jsonb, text, boolean, jsonb, text[], int, boolean,
    boolean) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.validate_post(uuid, text, uuid[], jsonb, jsonb, jsonb, text, boolean, jsonb, text[], int) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.update_post(uuid, text, uuid[], jsonb, jsonb, jsonb, text, boolean, jsonb, text[], int)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.reschedule_post(uuid, timestamptz, boolean) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.cancel_post(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.retry_post(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.delete_post(uuid, boolean) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.duplicate_post(uuid, timestamptz) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.submit_post(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.approve_post(uuid, timestamptz) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.create_schedule(uuid, text, jsonb, text, timestamp, text, timestamp, text[], text, int, text, text[], interval,
    interval, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.update_schedule(uuid, jsonb, text, timestamp, text, timestamp, text[], text, int, text, text[], interval,
    interval) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.pause_schedule(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.resume_schedule(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.end_schedule(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_schedule(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_schedules(text, int, uuid, text, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.preview_schedule(uuid, jsonb, int) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.add_schedule_items(uuid, jsonb) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.remove_schedule_item(uuid, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_schedule_items(uuid, text, int) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.reject_post(uuid, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.set_approval(uuid, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.resolve_target(uuid, text, text) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.get_post(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.act(uuid, text, text, text, timestamptz, uuid) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.delete_published(uuid) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.read_metrics(uuid) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.get_action(uuid) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.resolve_action(uuid, text) TO crier_app;
GRANT EXECUTE ON FUNCTION crier.enqueue(text, jsonb, uuid, uuid, uuid, int, timestamptz, int, timestamptz, text)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.enqueue_many(jsonb) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.cancel_jobs(uuid[]) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.find_or_create_job(uuid, text, jsonb, interval) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_cached_job_result(uuid, text, jsonb, interval) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.retry_jobs(uuid[]) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.purge_jobs(uuid[]) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.dead_jobs(text[], text[], integer, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_user_jobs(uuid, text, text, int, int, text, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_jobs(text, int, uuid, uuid, text, text, timestamptz, timestamptz)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.search_jobs(jsonb, jsonb, text, int, uuid, uuid, text, timestamptz, timestamptz)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_posts(text, int, uuid, text, timestamptz, timestamptz, uuid, text, text)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_posts(uuid, int, int, text, uuid, text, text, timestamptz, timestamptz, text, text)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.post_timeline(uuid, int) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.set_slots(uuid, text, jsonb) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_slots(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.next_slot(uuid, timestamptz) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.calendar(uuid, timestamptz, timestamptz, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_events(text, int, uuid, text, uuid, uuid, timestamptz, timestamptz)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_logs(text, int, uuid, text[], text, jsonb, uuid, timestamptz, timestamptz)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_webhooks(text, int, uuid, text, text, uuid, boolean, timestamptz, timestamptz)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_activity_log(uuid, text, int, uuid, text, text, uuid, timestamptz, timestamptz)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.set_metrics_reading(uuid, boolean) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.cache_get(text, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.cache_set(text, jsonb, interval, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.cache_begin(text, interval, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.begin_idempotent(text, bytea) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.end_idempotent(text, jsonb) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_user_stats(uuid, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.record_analytics(jsonb) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.analytics(uuid, timestamptz, timestamptz, text, text[], text[]) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.publish_rates(uuid, timestamptz, timestamptz) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.replay_webhook(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.replay_webhooks(timestamptz, timestamptz, uuid, text, int) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_by_time(text, text, timestamptz, int, text, int, uuid, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_paginated_data(regclass, text, int, text, text, jsonb, text[], text)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.table_page(regclass, text[], jsonb, text, text, boolean, text[], integer)
    TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.job_lease(uuid, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.job_worker(uuid, bigint) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.check_rate_limit(uuid, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.rate_limit_status(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.token_status(uuid[]) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.record_action(uuid, text, int, boolean) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.set_rate_limit(uuid, text, interval, int) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.pause_account(uuid, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.resume_account(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.delete_account(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.block_account(uuid, timestamptz, text, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.unblock_account(uuid, text) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_alert_endpoints(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.enable_alert_endpoint(uuid, boolean) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.remove_alert_endpoint(uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.begin_connect(uuid, text, text, text, uuid) TO crier_app, crier_worker;
GRANT EXECUTE ON FUNCTION crier.confirm_connect(text) TO crier_app, crier_worker;

-- The sidecar, and every other worker.
GRANT EXECUTE ON FUNCTION crier.claim_jobs(text, int, text[], text[], uuid[], interval, interval) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.exchange(text, int, uuid[], bigint[], jsonb[], uuid[], bigint[], text[], jsonb[], timestamptz[],
                                         text[], text[], uuid[], interval, interval) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.pause_jobs(text, text, uuid, uuid, text) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.resume_jobs(text, text, uuid, uuid) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.block_server(text, text, timestamptz, text) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.unblock_server(text, text) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.breakers() TO crier_worker, crier_monitor;
-- For API servers, which know their users: a user who could call it could fill the memory with endpoints.
GRANT EXECUTE ON FUNCTION crier.check_rate_limit(uuid, text, int) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.expire_leases(text) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.reload_queue() TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.checkpoint_queue() TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.next_run_at(text[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.complete_jobs(uuid[], bigint[], jsonb[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.fail_jobs(uuid[], bigint[], text[], jsonb[], timestamptz[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.snooze_jobs(uuid[], bigint[], timestamptz[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.extend_jobs(uuid[], bigint[], interval, jsonb[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.log_job(uuid, text, text, jsonb) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.log_jobs(uuid[], text[], text[], jsonb[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.run_due(int, interval, timestamptz) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.start_target(uuid, bigint) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.save_prepared(uuid, bigint, jsonb) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.record_intent(uuid, bigint, text, text, interval) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.withdraw_intent(uuid, bigint) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.taken_posts(uuid, text[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.report_targets(uuid[], bigint[], text[], jsonb[], timestamptz[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.start_action(uuid, bigint) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.record_sending(uuid, bigint, interval) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.report_action(uuid, bigint, text, jsonb, timestamptz) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.start_reading(uuid, bigint) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.report_metrics(uuid, bigint, text, jsonb, timestamptz) TO crier_worker;
-- `crierd post` and its like.
GRANT EXECUTE ON FUNCTION crier.only_workspace() TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.find_accounts(text[], uuid) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.imported_posts(uuid, text[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.note_import(uuid, text, uuid) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.connect_account(uuid, text, text, text, text) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.store_credential(uuid, bigint, bytea, timestamptz, timestamptz, uuid) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_credential(uuid) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.begin_refresh(uuid, bigint, interval) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.fail_refresh(uuid, bigint, bigint, text, jsonb, timestamptz) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.defer_refresh(uuid, bigint, bigint, timestamptz) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.refresh_expiring_tokens(integer, text, text[], timestamptz[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.hand_back_refreshes(uuid[], bigint[], timestamptz[], timestamptz[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.installation_ids() TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_alert_endpoint(uuid) TO crier_worker;
-- Only who has the key can seal a secret; and its id is one of a kind, which would tell a tenant that another has it.
GRANT EXECUTE ON FUNCTION crier.add_alert_endpoint(uuid, text, bytea, uuid, text[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.begin_sealing(uuid, bigint) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.add_data_key(uuid, uuid, bytea, uuid) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_data_key(uuid) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_data_keys(bigint, uuid, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.rewrap_data_key(uuid, bytea, bytea) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.list_sealed(text, uuid, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.reseal(text, uuid, uuid, bigint, bytea, bytea) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.key_usage() TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.take_oauth_state(text, bytea) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.keep_oauth_state(uuid, uuid, text, bytea, bytea, bytea, text) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.end_oauth_state(uuid, uuid) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.get_app_registration(text, text, text) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.begin_app_registration(text, text, text, bigint, interval) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.store_app_registration(uuid, bigint, bytea) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.release_app_registration(uuid, bigint) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.note_app_registration(uuid, bigint, boolean) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.start_alert(uuid, bigint) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.report_alert(uuid, bigint, text, jsonb) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.receive_webhook(text, text, jsonb, text[], text[], text[]) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.start_webhook(uuid, bigint) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.report_webhook(uuid, bigint, text, text[], timestamptz, text[], jsonb) TO crier_worker;

-- Maintenance, and what an operator asks.
GRANT EXECUTE ON FUNCTION crier.ensure_partitions(integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.run_maintenance(text, text[], integer, integer) TO crier_worker;
GRANT EXECUTE ON PROCEDURE crier.maintain(text) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.drop_old_days(integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_finished_jobs(integer, integer, interval, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_leftovers(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_old_events(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_old_actions(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_old_webhook_events(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_old_activity_logs(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.ensure_months(integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_old_analytics_events(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.schedule_readings(integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.record_api_metrics(jsonb) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_old_metrics(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_expired_cache(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_idempotency_keys(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.find_api_key(bytea) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.use_api_key(uuid) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cache_stats() TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.api_slow_endpoints(interval, interval) TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.api_error_rates(interval) TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.api_active_users(interval) TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.refresh_user_statistics_cache(integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.roll_up_analytics(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.platform_rates(interval) TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.cleanup_maintenance_log(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.purge_workspaces(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.cleanup_expired_oauth_states_batch(integer, integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.retry_failed_jobs(integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.expire_pending_jobs(integer, integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.watch() TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.stuck_jobs(interval) TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.backlog() TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.index_bloat() TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.reindex_due(integer) TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.index_history(integer) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.roll_up_statistics(interval, interval) TO crier_worker;
GRANT EXECUTE ON FUNCTION crier.check_alerts(integer) TO crier_worker;

-- Who looks after it all. A tenant has the figures of its own workspaces.
GRANT EXECUTE ON FUNCTION crier.get_queue_stats() TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.get_job_queue_stats(interval) TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.throughput(text, timestamptz) TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.get_worker_stats() TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.publishing_status() TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.get_account_stats() TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.list_blocks(integer) TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.unfinished_jobs() TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.alerts(boolean) TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.metrics() TO crier_worker, crier_monitor;
GRANT EXECUTE ON FUNCTION crier.get_workspace_stats(uuid) TO crier_app, crier_worker;

-- Nobody waits long for a row that a tenant's open transaction holds: the answer is 55P03, lock_not_available, and
-- the other jobs of a batch are answered for one by one.
ALTER FUNCTION crier.claim_jobs(text, int, text[], text[], uuid[], interval, interval) SET lock_timeout = '2s';
ALTER FUNCTION crier.complete_jobs(uuid[], bigint[], jsonb[]) SET lock_timeout = '2s';
ALTER FUNCTION crier.fail_jobs(uuid[], bigint[], text[], jsonb[], timestamptz[]) SET lock_timeout = '2s';
ALTER FUNCTION crier.snooze_jobs(uuid[], bigint[], timestamptz[]) SET lock_timeout = '2s';
ALTER FUNCTION crier.exchange(text, int, uuid[], bigint[], jsonb[], uuid[], bigint[], text[], jsonb[], timestamptz[],
                              text[], text[], uuid[], interval, interval) SET lock_timeout = '2s';
-- Maintenance has time: a job that somebody holds is for the next run.
ALTER FUNCTION crier.expire_pending_jobs(integer, integer) SET lock_timeout = '1s';
ALTER FUNCTION crier.start_target(uuid, bigint) SET lock_timeout = '2s';
ALTER FUNCTION crier.resolve_target(uuid, text, text) SET lock_timeout = '2s';
ALTER FUNCTION crier.save_prepared(uuid, bigint, jsonb) SET lock_timeout = '2s';
ALTER FUNCTION crier.record_intent(uuid, bigint, text, text, interval) SET lock_timeout = '2s';
ALTER FUNCTION crier.withdraw_intent(uuid, bigint) SET lock_timeout = '2s';
ALTER FUNCTION crier.report_targets(uuid[], bigint[], text[], jsonb[], timestamptz[]) SET lock_timeout = '2s';
ALTER FUNCTION crier.start_action(uuid, bigint) SET lock_timeout = '2s';
ALTER FUNCTION crier.record_sending(uuid, bigint, interval) SET lock_timeout = '2s';
ALTER FUNCTION crier.report_action(uuid, bigint, text, jsonb, timestamptz) SET lock_timeout = '2s';
ALTER FUNCTION crier.resolve_action(uuid, text) SET lock_timeout = '2s';
ALTER FUNCTION crier.start_reading(uuid, bigint) SET lock_timeout = '2s';
ALTER FUNCTION crier.report_metrics(uuid, bigint, text, jsonb, timestamptz) SET lock_timeout = '2s';
ALTER FUNCTION crier.start_alert(uuid, bigint) SET lock_timeout = '2s';
ALTER FUNCTION crier.add_member(uuid, uuid, text) SET lock_timeout = '2s';
ALTER FUNCTION crier.invite_member(uuid, uuid, text, interval) SET lock_timeout = '2s';
ALTER FUNCTION crier.withdraw_invitation(uuid, uuid) SET lock_timeout = '2s';
ALTER FUNCTION crier.accept_invitation(uuid) SET lock_timeout = '2s';
ALTER FUNCTION crier.decline_invitation(uuid) SET lock_timeout = '2s';
ALTER FUNCTION crier.set_member_role(uuid, uuid, text) SET lock_timeout = '2s';
ALTER FUNCTION crier.remove_member(uuid, uuid) SET lock_timeout = '2s';
ALTER FUNCTION crier.leave_workspace(uuid) SET lock_timeout = '2s';
ALTER FUNCTION crier.transfer_ownership(uuid, uuid) SET lock_timeout = '2s';
ALTER FUNCTION crier.rename_workspace(uuid, text) SET lock_timeout = '2s';
ALTER FUNCTION crier.delete_workspace(uuid) SET lock_timeout = '2s';
ALTER FUNCTION crier.create_api_key(uuid, text, text, timestamptz) SET lock_timeout = '2s';
ALTER FUNCTION crier.revoke_api_key(uuid) SET lock_timeout = '2s';
-- Shorter: each that waits has a connection, and comes again.
ALTER FUNCTION crier.begin_idempotent(text, bytea) SET lock_timeout = '1s';
ALTER FUNCTION crier.report_alert(uuid, bigint, text, jsonb) SET lock_timeout = '2s';
ALTER FUNCTION crier.begin_sealing(uuid, bigint) SET lock_timeout = '2s';
ALTER FUNCTION crier.add_data_key(uuid, uuid, bytea, uuid) SET lock_timeout = '2s';
ALTER FUNCTION crier.rewrap_data_key(uuid, bytea, bytea) SET lock_timeout = '2s';
ALTER FUNCTION crier.reseal(text, uuid, uuid, bigint, bytea, bytea) SET lock_timeout = '2s';
ALTER FUNCTION crier.receive_webhook(text, text, jsonb, text[], text[], text[]) SET lock_timeout = '2s';
ALTER FUNCTION crier.start_webhook(uuid, bigint) SET lock_timeout = '2s';
ALTER FUNCTION crier.report_webhook(uuid, bigint, text, text[], timestamptz, text[], jsonb) SET lock_timeout = '2s';
-- Nor does an upgrade, which would have everyone wait behind it.
ALTER FUNCTION crier.migrate() SET lock_timeout = '5s';
ALTER FUNCTION crier.migrate() SET standard_conforming_strings = on;
ALTER FUNCTION crier.rules_changed() SET search_path = pg_catalog, pg_temp;

-- The sums of a month lie on thousands of pages: where they are not in memory, many are fetched at a time.
ALTER FUNCTION crier.analytics(uuid, timestamptz, timestamptz, text, text[], text[]) SET effective_io_concurrency = 64;

COMMENT ON FUNCTION crier.version() IS 'The version of the crier library.';
COMMENT ON FUNCTION crier.status() IS 'One row: whether the queue is paused and why, and whether the tables fit the library.';
COMMENT ON FUNCTION crier.new_id() IS 'A new UUIDv7.';
COMMENT ON FUNCTION crier.migrate() IS 'Makes or upgrades the tables, views and policies and lists what it did. Safe to run twice.';
COMMENT ON FUNCTION crier.adopt_database() IS 'Ends the pause of a restored or moved database: from now on this one publishes. Run it only when its origin no longer does.';
COMMENT ON FUNCTION crier.ensure_partitions(integer) IS 'Makes the daily partitions of the job history for today and the next days; answers with the names of new ones.';
COMMENT ON FUNCTION crier.create_day(name, date) IS 'Makes the table of one day of the log, aside. For crier.ensure_partitions.';
COMMENT ON FUNCTION crier.attach_day(name, date) IS 'Makes the table of one day a part of the log. For crier.ensure_partitions.';
COMMENT ON FUNCTION crier.make_partition(name, text) IS 'Makes a table that is to become a part of another. For crier.ensure_partitions and crier.ensure_months.';
COMMENT ON FUNCTION crier.month_tables() IS 'The tables that are kept by month, and by which column.';
COMMENT ON FUNCTION crier.bound_of_month(name, timestamptz) IS 'The first value of such a column at a time. For crier.ensure_months.';
COMMENT ON FUNCTION crier.attach_month(name, name, date) IS 'Makes the table of one month a part of its parent. For crier.ensure_months.';
COMMENT ON FUNCTION crier.ensure_months(integer) IS 'Makes the monthly partitions of what is kept for long, for this month and the next ones; answers with the names of new ones.';
COMMENT ON FUNCTION crier.drop_old_months(text, name, text, integer, integer, integer) IS 'Drops the oldest month of a table that is kept no longer, one a call. For the tasks of maintenance.';
COMMENT ON FUNCTION crier.cleanup_old_activity_logs(integer, integer, integer) IS 'Drops the months of the activity log that are kept no longer. {"dropped": name, "more": true}, {"deleted": n}, {"locked": name} or {"busy": true}.';
COMMENT ON FUNCTION crier.record_analytics(jsonb) IS 'Records what became of posts: an array of at most 10,000 objects, all or none. Answers with how many have an id that was not there.';
COMMENT ON FUNCTION crier.analytics(uuid, timestamptz, timestamptz, text, text[], text[]) IS
    'Events of a workspace and the sums of their values by hour, day, week or month, and by some of kind, platform and account.';
COMMENT ON FUNCTION crier.publish_rates(uuid, timestamptz, timestamptz) IS 'How publishing came out in a workspace, by platform.';
COMMENT ON FUNCTION crier.platform_rates(interval) IS 'How publishing came out in the whole installation, by platform.';
COMMENT ON FUNCTION crier.roll_up_analytics(integer, integer, integer) IS 'Moves the sums of batches of events into hours and days. {"moved": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.cleanup_old_analytics_events(integer, integer, integer) IS
    'Drops the months of analytics events, and of their sums, that are kept no longer. {"dropped": name, "more": true}, {"deleted": n}, {"locked": name} or {"busy": true}.';
COMMENT ON FUNCTION crier.set_metrics_reading(uuid, boolean) IS 'Whether the figures of what a workspace has published are read by themselves, at the times of crier.metrics_plan.';
COMMENT ON FUNCTION crier.schedule_readings(integer, integer) IS 'Has figures of published posts read at the times of crier.metrics_plan. {"scheduled": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.schedule_page_of_readings(interval, integer) IS 'One page of posts that were published so long ago. For crier.schedule_readings.';
COMMENT ON FUNCTION crier.check_api_metrics(jsonb) IS 'The first wrong row of crier.record_api_metrics.';
COMMENT ON FUNCTION crier.record_api_metrics(jsonb) IS 'Records requests that an API server has answered: an array of at most 10,000 objects with endpoint, status and ms. Answers with how many.';
COMMENT ON FUNCTION crier.require_window(interval) IS 'Refuses a time that is none.';
COMMENT ON FUNCTION crier.api_slow_endpoints(interval, interval) IS 'Endpoints of API servers by how slow they are.';
COMMENT ON FUNCTION crier.api_error_rates(interval) IS 'How API servers answered, by endpoint, and all together in the row without one.';
COMMENT ON FUNCTION crier.api_active_users(interval) IS 'Users and requests of API servers by hour.';
COMMENT ON FUNCTION crier.cleanup_old_metrics(integer, integer, integer) IS 'Drops the months of requests that are kept no longer. {"dropped": name, "more": true}, {"deleted": n}, {"locked": name} or {"busy": true}.';
COMMENT ON FUNCTION crier.cache_get(text, uuid) IS 'What is cached under a key while it is fresh; null: nothing. Of a workspace for its members, otherwise the caller''s own.';
COMMENT ON FUNCTION crier.cache_set(text, jsonb, interval, uuid) IS 'Keeps a value under a key for a time.';
COMMENT ON FUNCTION crier.cache_begin(text, interval, uuid) IS 'What is cached under a key, fresh or not, and whether the caller is the one who has to make it anew.';
COMMENT ON FUNCTION crier.begin_idempotent(text, bytea) IS 'Begins a request of the caller under a key, with the SHA-256 of what is asked for. new: do it, then crier.end_idempotent in the same transaction; done: it was, with the rows that were kept; other: the key stands for another request. Who is at it with the same key is waited for a second, then 55P03.';
COMMENT ON FUNCTION crier.end_idempotent(text, jsonb) IS 'Keeps what a request that crier.begin_idempotent began is answered with, if that has at most 16 KiB.';
COMMENT ON FUNCTION crier.cleanup_idempotency_keys(integer, integer, integer) IS 'Forgets requests with a key that are older than keep_idempotency_keys. {"deleted": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.create_api_key(uuid, text, text, timestamptz) IS 'Makes an API key for a machine, as viewer, editor or admin of the workspace; admins make those of viewers and editors. Answers with its id, as which it is a member, and the key, which is told this once.';
COMMENT ON FUNCTION crier.list_api_keys(uuid) IS 'The API keys of a workspace, for its admins and owners, the newest first; of those that have ended the newest hundred or so.';
COMMENT ON FUNCTION crier.revoke_api_key(uuid) IS 'Ends an API key with the commit. False: it was revoked before.';
COMMENT ON FUNCTION crier.find_api_key(bytea) IS 'Whose API key has this SHA-256; null: nobody''s, or a revoked one.';
COMMENT ON FUNCTION crier.use_api_key(uuid) IS 'Whether a user is an API key that counts now, which is noted once a minute as its use; null: the user is no API key.';
COMMENT ON FUNCTION crier.cleanup_expired_cache(integer, integer, integer) IS 'Deletes values of the cache that have run out. {"deleted": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.cache_stats() IS 'How often the cache had what was asked for, and how much is in it.';
COMMENT ON FUNCTION crier.get_user_stats(uuid, uuid) IS 'What users have published in a workspace, as it was worked out last.';
COMMENT ON FUNCTION crier.refresh_user_statistics_cache(integer, integer) IS 'Works out what users have published, where something has happened. {"workspaces": n, "refreshed": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.refresh_user_statistics_of(uuid) IS 'The same for one workspace. For crier.refresh_user_statistics_cache.';
COMMENT ON FUNCTION crier.purge_sums(uuid, name, integer) IS 'Deletes some sums of a workspace. For crier.purge_workspaces.';
COMMENT ON FUNCTION crier.get_activity_log(uuid, text, int, uuid, text, text, uuid, timestamptz, timestamptz) IS
    'Who did what in a workspace, for its admins, the newest first: a page as an array of objects, and next_cursor for the next page while has_more.';
COMMENT ON FUNCTION crier.first_id(timestamptz) IS 'The smallest id that something made at this time can have.';
COMMENT ON FUNCTION crier.apply_storage(name) IS 'Gives a table its settings of vacuum, fill factor, TOAST and statistics. For crier.migrate and crier.ensure_partitions.';
COMMENT ON FUNCTION crier.require_between(text, bigint, bigint, bigint) IS 'Refuses a number that is out of range. For the tasks of maintenance.';
COMMENT ON FUNCTION crier.require_table(name) IS 'Refuses to go on where crier.migrate() has not made a table.';
COMMENT ON FUNCTION crier.begin_task(text, integer) IS 'Whether this session is the only one at a task. For the tasks of maintenance.';
COMMENT ON FUNCTION crier.too_old(text) IS 'Before which time things are too old by a setting. For the tasks of maintenance.';
COMMENT ON FUNCTION crier.ms_since(timestamptz) IS 'Milliseconds since a time. For the tasks of maintenance.';
COMMENT ON FUNCTION crier.lock_tables(text[], text, integer) IS 'Locks tables within milliseconds, or none. For crier.drop_old_days.';
COMMENT ON FUNCTION crier.are_held(text[], text) IS 'Whether somebody holds a lock on tables for longer than a moment. For crier.drop_old_days.';
COMMENT ON FUNCTION crier.lock_tables_patiently(text[], text) IS 'Tries that for a second or two. For crier.drop_old_days.';
COMMENT ON FUNCTION crier.is_at_rest(text) IS 'Whether no open transaction has written to a table. For crier.drop_old_days.';
COMMENT ON FUNCTION crier.failed_may_go(uuid, timestamptz, timestamptz, timestamptz) IS 'Whether a dead letter is too old. For the tasks of maintenance.';
COMMENT ON FUNCTION crier.drop_day(text) IS 'Drops a day of the log, and keeps what must stay in the default partition. For crier.drop_old_days.';
COMMENT ON FUNCTION crier.days_of(text) IS 'The days that a table of the log has, as YYYYMMDD.';
COMMENT ON FUNCTION crier.hold_place(text) IS 'Keeps a day from being dropped until the transaction ends; false: it is gone. For crier.cleanup_finished_jobs.';
COMMENT ON FUNCTION crier.clean_page_of_keys(jsonb, integer) IS 'One page of dedupe keys that jobs left behind. For crier.cleanup_leftovers.';
COMMENT ON FUNCTION crier.clean_page_of_times(jsonb, integer) IS 'One page of times that far jobs left behind. For crier.cleanup_leftovers.';
COMMENT ON FUNCTION crier.clean_page_of_progress(jsonb, integer) IS 'One page of progress that jobs left behind. For crier.cleanup_leftovers.';
COMMENT ON FUNCTION crier.bounds_of_day(name, date) IS 'Where a day of a table of the log begins and ends, and by which column. For crier.ensure_partitions.';
COMMENT ON FUNCTION crier.is_in_default(name, date) IS 'Whether the default partition has rows of a day. For crier.ensure_partitions.';
COMMENT ON FUNCTION crier.cleanup_by_age(text, name, name, text, integer, integer, integer) IS 'Deletes old rows of a table. For the tasks of maintenance.';
COMMENT ON FUNCTION crier.run_maintenance(text, text[], integer, integer) IS
    'Does what is due, or the tasks named, and notes it in crier.maintenance_log: a row for each task. One session at a time: the others are answered {"busy": true}. p_runner: who calls; crierd leaves it to pg_cron while that runs. p_max_ms: no task begins after it. p_most: how many tasks. It ends after a change of the partitions; the rest is still due.';
COMMENT ON PROCEDURE crier.maintain(text) IS 'crier.run_maintenance until nothing is due, each task in a transaction of its own. For pg_cron.';
COMMENT ON FUNCTION crier.drop_old_days(integer) IS 'Drops the oldest day of the log that is kept no longer, one a call. {"dropped": day, "carried": rows kept, "more": …}, {"crowded": days}: too much of them must stay, {"locked": day}: in use, {"busy": true}.';
COMMENT ON FUNCTION crier.cleanup_finished_jobs(integer, integer, interval, integer) IS 'Deletes finished jobs that are kept no longer, where their day can not be dropped. {"deleted": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.cleanup_leftovers(integer, integer, integer) IS 'Deletes dedupe keys, times and progress of jobs that ended. {"keys": n, "times": n, "progress": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.cleanup_old_actions(integer, integer, integer) IS 'Deletes what accounts did that is kept no longer. {"deleted": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.cleanup_old_events(integer, integer, integer) IS 'Deletes events that are kept no longer. {"deleted": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.cleanup_maintenance_log(integer, integer, integer) IS 'Deletes rows of the maintenance log that are kept no longer. {"deleted": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.cleanup_expired_oauth_states_batch(integer, integer, integer) IS
    'Deletes logins that nobody finished in time, and apps at servers that were not used for too long.';
COMMENT ON FUNCTION crier.retry_failed_jobs(integer, integer) IS 'Runs dead letters again whose error was a passing one; never posts. {"retried": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.expire_pending_jobs(integer, integer) IS 'Fails waiting jobs past expires_at, and those nobody took for too long; never posts. {"expired": n, "more": …} or {"busy": true}.';
COMMENT ON FUNCTION crier.watch() IS 'What somebody should know, as JSON; attention: a list of sentences, empty where all is well.';
COMMENT ON FUNCTION crier.stuck_jobs(interval) IS 'Jobs that run for longer than this; null: than the setting stuck_after. The oldest first.';
COMMENT ON FUNCTION crier.backlog() IS 'Unfinished jobs in memory: waiting for their time, due, running, and busy in open transactions.';
COMMENT ON FUNCTION crier.index_bloat() IS 'The size of each index, and about how large it need be. For the view crier.bloated_indexes.';
COMMENT ON FUNCTION crier.reindex_due(integer) IS 'Indexes of over 8 MB that are more than half empty; the names are quoted.';
COMMENT ON FUNCTION crier.get_queue_stats() IS 'One row: unfinished jobs by state, dead letters (100000 stands for that many or more), what ended within an hour and a day, how long the oldest due job waits, memory. On a standby what is unfinished is null.';
COMMENT ON FUNCTION crier.get_job_queue_stats(interval) IS 'By kind, and all kinds in the row without one: unfinished jobs now; ends, error rate (0 to 1), average and percentiles of waiting and processing within p_window. Null: since statistics began. Percentiles are at most 2 % off.';
COMMENT ON FUNCTION crier.throughput(text, timestamptz) IS 'What ended in each minute, hour or day since a time.';
COMMENT ON FUNCTION crier.get_worker_stats() IS 'Workers: jobs they have now and of how many workspaces, what they claimed and ended within a day, when they were seen last.';
COMMENT ON FUNCTION crier.get_account_stats() IS 'Accounts by platform and status, and how many are blocked or will need a new login within a day.';
COMMENT ON FUNCTION crier.publishing_status() IS 'Publishing at a glance: what waits, is due and under way, what was published and failed lately, who has to log in. For crierd status.';
COMMENT ON FUNCTION crier.only_workspace() IS 'The workspace, where there is but one; else null. For crierd post and its like.';
COMMENT ON FUNCTION crier.find_accounts(text[], uuid) IS 'Accounts by id, handle or platform:handle, of one workspace or of all. For crierd post and its like.';
COMMENT ON FUNCTION crier.imported_posts(uuid, text[]) IS 'Which names of posts in files have been imported, or are ids of posts. For crierd import.';
COMMENT ON FUNCTION crier.note_import(uuid, text, uuid) IS 'Notes what a post was made of. False: that has been imported meanwhile. For crierd import.';
COMMENT ON FUNCTION crier.get_workspace_stats(uuid) IS 'A workspace at a glance, for its members: posts, jobs and accounts by state, members, last activity. Of posts and jobs the newest 5,000; complete: there are no more.';
COMMENT ON FUNCTION crier.alerts(boolean) IS 'What is above its threshold in crier.alert_threshold. p_all: every value, also those that are not.';
COMMENT ON FUNCTION crier.metrics() IS 'What a program that watches the database reads, all of it at once: a row a figure, with its name and labels in the words of Prometheus. On a standby what is unfinished is left out.';
COMMENT ON FUNCTION crier.check_alerts(integer) IS 'Tells the operator''s endpoints what came above its threshold and what no longer is. {"begun": names, "ended": names, "attention": sentences} or {"busy": true}.';
COMMENT ON FUNCTION crier.raise_alert(text, text, jsonb) IS 'Tells the operator''s endpoints of something. For crier.check_alerts.';
COMMENT ON FUNCTION crier.roll_up_statistics(interval, interval) IS 'Sums up what ended and can''t change any more, at most p_max of time; to be called every minute. p_margin: what is younger waits, in case the clock is put back. Answers {"closed_until", "ended", "more"}, or {"busy": true}.';
COMMENT ON FUNCTION crier.sum_up_jobs(timestamptz, timestamptz) IS 'How jobs ended within a time, by minute, from the log.';
COMMENT ON FUNCTION crier.sum_up_workers(timestamptz, timestamptz) IS 'What workers took and ended within a time, by minute, from the log.';
COMMENT ON FUNCTION crier.sum_up_span(text, text, timestamptz, timestamptz) IS 'Sums up minutes to hours, or hours to days. crier.roll_up_statistics uses it.';
COMMENT ON FUNCTION crier.stat_spans(timestamptz, timestamptz, text) IS 'The spans whose sums make up a time.';
COMMENT ON FUNCTION crier.stat_since(interval) IS 'The beginning of a time that ends now, as exact as the sums are kept.';
COMMENT ON FUNCTION crier.jobs_since(timestamptz, text) IS 'How jobs ended since a time: the sums, and what is not summed up yet.';
COMMENT ON FUNCTION crier.ended_since(timestamptz) IS 'How many jobs were completed and failed since a time.';
COMMENT ON FUNCTION crier.workers_since(timestamptz) IS 'What workers took and ended since a time.';
COMMENT ON FUNCTION crier.micros(timestamptz) IS 'Microseconds since 2000, as tokens of claims are.';
COMMENT ON FUNCTION crier.unfinished_jobs() IS 'Unfinished jobs in memory by kind and platform. No row on a standby.';
COMMENT ON FUNCTION crier.queue_memory() IS 'How full the queue''s memory is. No row on a standby.';
COMMENT ON FUNCTION crier.running_claims() IS 'How many jobs are in workers'' hands by each claim, for each workspace. No row on a standby.';
COMMENT ON FUNCTION crier.next_transaction_id() IS 'The next transaction id that the server gives out.';
COMMENT ON FUNCTION crier.make_sketch(bigint[]) IS 'The sketch of some durations in microseconds.';
COMMENT ON FUNCTION crier.merge_sketches(bytea[]) IS 'The sketch of everything that some sketches have counted.';
COMMENT ON FUNCTION crier.sketch_quantile(bytea, double precision) IS 'A quantile of what a sketch has counted, in microseconds, at most 2 % off.';
COMMENT ON FUNCTION crier.my_workspace_ids() IS 'The workspaces of the user named by request.jwt.claims or crier.user_id. Row security uses it.';
COMMENT ON FUNCTION crier.my_workspace_ids_as(text) IS 'Those in which the user has a role, or a higher one: for policies, as workspace_id = ANY ((SELECT crier.my_workspace_ids_as(''editor''))::uuid[]).';
COMMENT ON FUNCTION crier.is_workspace_member_fast(uuid) IS 'Whether the user named by request.jwt.claims or crier.user_id is a member of a workspace. For policies of your own tables; of many rows ask = ANY ((SELECT crier.my_workspace_ids())::uuid[]).';
COMMENT ON FUNCTION crier.has_workspace_role(uuid, text) IS 'Whether that user has a role in a workspace, or a higher one: viewer, editor, admin, owner.';
COMMENT ON FUNCTION crier.my_workspaces() IS 'The workspaces of that user, with the role in each.';
COMMENT ON FUNCTION crier.list_members(uuid, uuid, int) IS 'The members of a workspace with their roles, by their ids. p_after: those beyond this id.';
COMMENT ON FUNCTION crier.add_member(uuid, uuid, text) IS 'Makes a user a member at once: for trusted callers. False: they are one already, and keep their role.';
COMMENT ON FUNCTION crier.invite_member(uuid, uuid, text, interval) IS 'Invites a user as viewer, editor or admin; inviting again changes role and time. Admins invite viewers and editors. Answers with when the invitation ends.';
COMMENT ON FUNCTION crier.list_invitations(uuid) IS 'The invitations of a workspace that nobody has accepted yet, for its admins and owners.';
COMMENT ON FUNCTION crier.withdraw_invitation(uuid, uuid) IS 'Takes an invitation back. False: there is none.';
COMMENT ON FUNCTION crier.my_invitations() IS 'The invitations of the user named by request.jwt.claims or crier.user_id.';
COMMENT ON FUNCTION crier.accept_invitation(uuid) IS 'Makes that user a member of a workspace that has invited them. Answers with the role.';
COMMENT ON FUNCTION crier.decline_invitation(uuid) IS 'Turns an invitation down. False: there is none.';
COMMENT ON FUNCTION crier.set_member_role(uuid, uuid, text) IS 'Gives a member another role: an admin makes viewers editors and back, an owner decides about everybody. A workspace keeps an owner.';
COMMENT ON FUNCTION crier.remove_member(uuid, uuid) IS 'Takes a member out of a workspace: an admin viewers and editors, an owner everybody but the last owner.';
COMMENT ON FUNCTION crier.leave_workspace(uuid) IS 'Takes the user who calls out of a workspace. The last owner stays.';
COMMENT ON FUNCTION crier.rename_workspace(uuid, text) IS 'Gives a workspace another name of 1 to 200 characters.';
COMMENT ON FUNCTION crier.transfer_ownership(uuid, uuid) IS 'Makes another member the owner, and the owner who calls an admin. A trusted caller makes every other owner one.';
COMMENT ON FUNCTION crier.delete_workspace(uuid) IS 'Deletes a workspace. From the commit on nobody is a member and its tokens are gone; its jobs are canceled and its rows deleted within minutes, by crier.purge_workspaces().';
COMMENT ON FUNCTION crier.purge_workspaces(integer, integer, integer) IS 'Ends the jobs of deleted workspaces and deletes their rows. {"deleted": rows, "workspaces": n, "more": …, "waits": …} or {"busy": true}. waits: for the sums of the statistics.';
COMMENT ON FUNCTION crier.purge_page_of_jobs(uuid, uuid, integer) IS 'One page of the jobs of a deleted workspace. For crier.purge_workspaces.';
COMMENT ON FUNCTION crier.purge_rows(uuid, name, integer) IS 'Some rows of a deleted workspace. For crier.purge_workspaces.';
COMMENT ON FUNCTION crier.end_jobs(uuid[]) IS 'Cancels unfinished jobs, whatever they are at. For crier.purge_workspaces.';
COMMENT ON FUNCTION crier.post_state(text[]) IS 'The state of a post from the states of its targets: scheduled, publishing, published, partly_published, failed, unconfirmed or canceled.';
COMMENT ON FUNCTION crier.create_workspace(text, uuid) IS 'Makes a workspace and its owner. name: 1 to 200 characters. Answers with the id.';
COMMENT ON FUNCTION crier.validate_post(uuid, text, uuid[], jsonb, jsonb, jsonb, text, boolean, jsonb, text[], int) IS
    'What crier.create_post() would say of a post with these arguments, account by account, without making anything: whether it would be accepted, the problems, and the length of each text as its platform counts.';
COMMENT ON FUNCTION crier.create_post(uuid, text, uuid[], timestamptz, jsonb, jsonb, uuid, jsonb, text, boolean, jsonb, text[], int, boolean,
    boolean) IS
    'Accepts a post for some accounts at a time, in the caller''s transaction, and answers with its id. Refuses what a platform would refuse. media: [{"url": "https://… or data:image/png;base64,…", "alt": "…"}]. settings: {"bluesky": {"langs": ["en"]}}. thread: ["what follows", {"content": "…", "media": […]}]. first_comment: what answers it after that. split: a text too long for a platform becomes a thread there. variants: {"account id": {"content": …, "media": …, "settings": …}} in the place of these. priority: -100 to 100. draft: kept, not published; its time may be null. next_slot: each account at the next of its slots from scheduled_at on.';
COMMENT ON FUNCTION crier.resolve_target(uuid, text, text) IS 'Says of an unconfirmed target whether the platform has the post: published (with its address, which a thread needs to go on) or absent, which sends it again. Answers with the state.';
COMMENT ON FUNCTION crier.cancel_post(uuid) IS 'Cancels what was not sent yet. Answers with every target: canceled, or the state in which it was too late. What is in review or approved is a draft again.';
COMMENT ON FUNCTION crier.update_post(uuid, text, uuid[], jsonb, jsonb, jsonb, text, boolean, jsonb, text[], int) IS 'Changes what is not out yet of a post; null leaves that as it is, an empty first_comment takes it away. What was approved goes back to review. Answers with every target''s state.';
COMMENT ON FUNCTION crier.reschedule_post(uuid, timestamptz, boolean) IS 'Plans a post for another time: a draft, what waits, failed or was canceled. next_slot: each account at the next of its slots from then on. Answers with every target''s state: scheduled or waiting, or that in which it was too late.';
COMMENT ON FUNCTION crier.retry_post(uuid) IS 'Tries at once again what failed of a post. Answers with every target''s state.';
COMMENT ON FUNCTION crier.delete_post(uuid, boolean) IS 'Cancels what was not sent, and deletes the post; one of which platforms have something only leaves the lists. on_platforms: what is published is taken back there. Answers with every target''s state and that action.';
COMMENT ON FUNCTION crier.duplicate_post(uuid, timestamptz) IS 'Makes another post of what a post says, a draft or planned at a time. Answers with its id.';
COMMENT ON FUNCTION crier.submit_post(uuid) IS 'Sends a draft to review, or plans it where posts need no approval. Answers with its stage.';
COMMENT ON FUNCTION crier.approve_post(uuid, timestamptz) IS 'Approves a post in review: it is planned at its time, or waits for one. read_at: its updated_at as it was read; one that has changed since is refused. Answers with its stage.';
COMMENT ON FUNCTION crier.reject_post(uuid, text) IS 'Sends a post in review back to its author as a draft, with the reason.';
COMMENT ON FUNCTION crier.set_approval(uuid, text) IS 'Has posts of a workspace approved by this role (admin, owner) before they are planned; null: no longer.';
COMMENT ON FUNCTION crier.create_schedule(uuid, text, jsonb, text, timestamp, text, timestamp, text[], text, int, text, text[], interval,
    interval, uuid) IS
    'Makes a schedule and answers with its id. kind: single (once, at starts), recurring (by the rule), evergreen (by the rule, from a queue of items). template: {"content": "…", "accounts": ["…"], …} as crier.create_post() takes it. rule: FREQ=WEEKLY;BYDAY=MO;BYHOUR=9 as in RFC 5545, {"daily": ["09:00", "17:30"]} or {"weekly": {"mon": ["09:00"]}, "every": 2}. starts, ends, exceptions (a day or a time) and additions are wall times of zone. missed: what becomes of occurrences that nobody made in time: catch_up, skip, latest. item_rest, account_rest: how long an item and an account of an evergreen schedule are left alone after each use.';
COMMENT ON FUNCTION crier.update_schedule(uuid, jsonb, text, timestamp, text, timestamp, text[], text, int, text, text[], interval,
    interval) IS 'Changes what a schedule makes from now on; null leaves that as it is. ends at infinity, an empty name and a rest of nothing take that away. Answers with the next occurrence.';
COMMENT ON FUNCTION crier.pause_schedule(uuid) IS 'Stops a schedule until it is resumed; what would occur until then does not happen.';
COMMENT ON FUNCTION crier.resume_schedule(uuid) IS 'Has a paused schedule go on from now. Answers with the next occurrence.';
COMMENT ON FUNCTION crier.end_schedule(uuid) IS 'Ends a schedule for good.';
COMMENT ON FUNCTION crier.get_schedule(uuid) IS 'A schedule as JSON with what became of its last ten occurrences.';
COMMENT ON FUNCTION crier.list_schedules(text, int, uuid, text, text) IS 'Schedules as JSON, the newest first, page by page.';
COMMENT ON FUNCTION crier.preview_schedule(uuid, jsonb, int) IS 'The coming times of a schedule, or of a definition such as {"starts": "2026-03-29 09:00", "zone": "Europe/Berlin", "rule": "FREQ=DAILY"}: moment, wall time, offset, and a note where the clocks are changed.';
COMMENT ON FUNCTION crier.add_schedule_items(uuid, jsonb) IS 'Adds items to the queue of an evergreen schedule: [{"content": "…", "weight": 2}, …] with any field of the template. Answers with their ids.';
COMMENT ON FUNCTION crier.remove_schedule_item(uuid, uuid) IS 'Takes an item out of the queue of an evergreen schedule; posts that were made of it stay. False: there was none.';
COMMENT ON FUNCTION crier.list_schedule_items(uuid, text, int) IS 'The items of an evergreen schedule as JSON, the newest first, page by page.';
COMMENT ON FUNCTION crier.run_due(int, interval, timestamptz) IS 'Gives what is due within p_ahead its jobs and makes the posts of schedules. Any number may call it at once. targets: how many got jobs; next_due: when the next is due that has none; more: call again at once. p_now: as if it were then, for tests.';
COMMENT ON FUNCTION crier.get_post(uuid) IS 'A post as JSON with every target''s state, url, error, attempts and newest metrics.';
COMMENT ON FUNCTION crier.act(uuid, text, text, text, timestamptz, uuid) IS 'Has an account do something at a time: like (a post), follow (an account) or send_dm (to an account, with a text). Answers with the action''s id.';
COMMENT ON FUNCTION crier.delete_published(uuid) IS 'Takes a published target back from its platform. Answers with the action''s id.';
COMMENT ON FUNCTION crier.read_metrics(uuid) IS 'Has the figures of a published target read now. Answers with the job''s id.';
COMMENT ON FUNCTION crier.get_action(uuid) IS 'What an account did or is to do besides publishing, as JSON: state, outcome, job.';
COMMENT ON FUNCTION crier.resolve_action(uuid, text) IS 'Says of an unconfirmed message whether it was sent: done, or absent, which sends it again. Answers with the state.';
COMMENT ON FUNCTION crier.enqueue(text, jsonb, uuid, uuid, uuid, int, timestamptz, int, timestamptz, text) IS
    'Adds a job in the caller''s transaction and answers with its id. Higher priority runs first; run_at null means now; max_attempts null means 3. An unfinished job of the same workspace, kind and dedupe_key is answered instead of adding one.';
COMMENT ON FUNCTION crier.enqueue_many(jsonb) IS 'Adds an array of jobs, objects with the fields of enqueue; answers with their ids in that order.';
COMMENT ON FUNCTION crier.cancel_jobs(uuid[]) IS 'Cancels waiting and running jobs; answers with those it canceled.';
COMMENT ON FUNCTION crier.claim_jobs(text, int, text[], text[], uuid[], interval, interval) IS
    'Hands up to max due jobs to a worker under a lease, each to one worker only. Filters: kinds, platforms, workspaces (null: all). Every later call states the token. wait: how long to wait for work where there is none, at most one second.';
COMMENT ON FUNCTION crier.exchange(text, int, uuid[], bigint[], jsonb[], uuid[], bigint[], text[], jsonb[], timestamptz[],
                                   text[], text[], uuid[], interval, interval) IS
    'Completes jobs, fails jobs and claims the next ones in one round trip: a row for each accepted answer (status completed, failed, retrying) and for each job handed out (status running).';
COMMENT ON FUNCTION crier.find_or_create_job(uuid, text, jsonb, interval) IS 'The unfinished job of the same user, type and params that was made within the window, or a new one. Params are compared by value.';
COMMENT ON FUNCTION crier.get_cached_job_result(uuid, text, jsonb, interval) IS 'The newest result of the same user, type and params, if it is not older than the time given. No row: there is none.';
COMMENT ON FUNCTION crier.retry_jobs(uuid[]) IS 'Runs dead (failed) jobs again with all their attempts, and waiting ones at once; a post that failed is prepared anew. Answers with those it did that to.';
COMMENT ON FUNCTION crier.purge_jobs(uuid[]) IS 'Deletes dead (failed) jobs for good; answers with those it deleted.';
COMMENT ON FUNCTION crier.dead_jobs(text[], text[], integer, uuid) IS 'The dead letters: jobs that failed for good, newest first. before: ids below this one, for the next page.';
COMMENT ON FUNCTION crier.get_user_jobs(uuid, text, text, int, int, text, text) IS
    'A user''s jobs by page and offset (up to 1000), ordered by created_at, run_at, finished_at, priority, kind or state. total_count counts the user''s newest 10000 jobs; total_is_exact: there are no older ones.';
COMMENT ON FUNCTION crier.list_jobs(text, int, uuid, uuid, text, text, timestamptz, timestamptz) IS
    'Jobs, the newest first: a page as an array of objects, and next_cursor for the next page while has_more.';
COMMENT ON FUNCTION crier.search_jobs(jsonb, jsonb, text, int, uuid, uuid, text, timestamptz, timestamptz) IS
    'Jobs whose params and result contain something, the newest first. A page may be short while has_more.';
COMMENT ON FUNCTION crier.list_posts(text, int, uuid, text, timestamptz, timestamptz, uuid, text, text) IS
    'Posts, the newest first: a page as an array of objects, and next_cursor for the next page while has_more. p_account_id: for an account; p_tag: with a tag; p_search: words in the text, as for a web search.';
COMMENT ON FUNCTION crier.get_posts(uuid, int, int, text, uuid, text, text, timestamptz, timestamptz, text, text) IS
    'Posts of a workspace by number of page (the first 1000 posts), ordered by created_at or scheduled_at. total_count counts among the newest 10000 of the workspace, the account or the tag; total_is_exact: there are no older ones.';
COMMENT ON FUNCTION crier.set_slots(uuid, text, jsonb) IS
    'Sets the times of the week at which an account likes to publish, in a zone: {"mon": ["09:00", "17:30"]}. {}: none. What is planned stays.';
COMMENT ON FUNCTION crier.get_slots(uuid) IS 'The slots of an account, as they were set; no row where it has none.';
COMMENT ON FUNCTION crier.next_slot(uuid, timestamptz) IS
    'The next slot of an account after a time that no post has; null where it has no slots. crier.create_post(…, next_slot => true) takes it.';
COMMENT ON FUNCTION crier.post_timeline(uuid, int) IS
    'What happened to a post, the first things first: that it was made, changed, sent and published for each account, what was done with it there, and who did it.';
COMMENT ON FUNCTION crier.calendar(uuid, timestamptz, timestamptz, uuid) IS
    'The posts of a workspace whose time lies from p_from on and before p_to (at most 92 days), the first ones first, at most 1000: planned, published, in review, and drafts that have a time.';
COMMENT ON FUNCTION crier.list_events(text, int, uuid, text, uuid, uuid, timestamptz, timestamptz) IS
    'Events, the newest first: a page as an array of objects, and next_cursor for the next page while has_more.';
COMMENT ON FUNCTION crier.list_logs(text, int, uuid, text[], text, jsonb, uuid, timestamptz, timestamptz) IS
    'Log lines of jobs, the newest first: of one job, of some levels, with words in the message (as for a web search), with metadata that contains something.';
COMMENT ON FUNCTION crier.list_by_time(text, text, timestamptz, int, text, int, uuid, text) IS
    'The jobs, posts, logs or events of the day, week or month that a time lies in, in pages with numbers. pages is null past 10000 rows.';
COMMENT ON FUNCTION crier.get_paginated_data(regclass, text, int, text, text, jsonb, text[], text) IS
    'Rows of any table under row security, or view with security_invoker, as the caller sees it. p_filter: columns and the values they must have. p_key: a column that has another value in each row; null: id, or the primary key.';
COMMENT ON FUNCTION crier.table_page(regclass, text[], jsonb, text, text, boolean, text[], integer) IS
    'What crier.get_paginated_data reads. Not an interface.';
COMMENT ON FUNCTION crier.log_job(uuid, text, text, jsonb) IS 'Appends a line to the log of a job: debug, info, warning or error, a message, and an object. Answers with its id.';
COMMENT ON FUNCTION crier.log_jobs(uuid[], text[], text[], jsonb[]) IS 'Appends lines to the logs of jobs; answers with their ids in that order, null for a job that there is not.';
COMMENT ON FUNCTION crier.index_history(integer) IS 'Makes up to max of the indexes that searches of finished days use; answers with their names, with nothing where all are there.';
COMMENT ON FUNCTION crier.job_lease(uuid, uuid) IS 'The lease of a running job. The view crier.jobs uses it.';
COMMENT ON FUNCTION crier.job_worker(uuid, bigint) IS 'The worker that has or had a job by a claim. The view crier.jobs uses it.';
COMMENT ON FUNCTION crier.pause_jobs(text, text, uuid, uuid, text) IS 'Stops handing out jobs of a kind, a platform, an account or a workspace, or all where none is named. Running jobs go on. False: it was stopped already.';
COMMENT ON FUNCTION crier.resume_jobs(text, text, uuid, uuid) IS 'Hands out again what crier.pause_jobs stopped with the same arguments. False: it was not stopped.';
COMMENT ON FUNCTION crier.check_rate_limit(uuid, text) IS 'Whether an account may do an action now, and what is left of its tightest window. Takes nothing.';
COMMENT ON FUNCTION crier.check_rate_limit(uuid, text, int) IS 'Whether a user may make one more request of a kind within a minute, and counts it if so. p_max null: what crier.request_limit says.';
COMMENT ON FUNCTION crier.rate_limit_status(uuid) IS 'Every limit of an account: window, what is used and left, when it admits more, what blocks it and why.';
COMMENT ON FUNCTION crier.token_status(uuid[]) IS 'The life of the tokens of accounts: when each ends, when it is renewed, and how renewing it failed since.';
COMMENT ON FUNCTION crier.record_action(uuid, text, int, boolean) IS 'Counts that an account did something beside its jobs. False: over a limit or blocked; p_within_limits: then it does not count.';
COMMENT ON FUNCTION crier.set_rate_limit(uuid, text, interval, int) IS 'A limit of one account, in the place of its platform''s with the same window. p_max null takes it back.';
COMMENT ON FUNCTION crier.pause_account(uuid, text) IS 'Lets an account rest until crier.resume_account(): what is planned waits, and nothing more is planned with it. False: it rests already.';
COMMENT ON FUNCTION crier.resume_account(uuid) IS 'Has a paused account go on, with what waited for it. False: it was not paused.';
COMMENT ON FUNCTION crier.delete_account(uuid) IS 'Disconnects an account: destroys its tokens, cancels what is planned with it and takes it out of the lists. What was published stays; connecting it again brings it back. Refused while something is being sent or unconfirmed, and where a schedule names it.';
COMMENT ON FUNCTION crier.block_account(uuid, timestamptz, text, text) IS 'Lets no job of an account, or none that does an action, be handed out before a time.';
COMMENT ON FUNCTION crier.unblock_account(uuid, text) IS 'Lifts the block of an account or of an action of it, and closes its circuit breaker. False: nothing was blocked so.';
COMMENT ON FUNCTION crier.block_server(text, text, timestamptz, text) IS 'Lets no job of any account on a server of a platform be handed out before a time.';
COMMENT ON FUNCTION crier.unblock_server(text, text) IS 'Lifts the block of a server and closes its circuit breaker. False: nothing was blocked so.';
COMMENT ON FUNCTION crier.breakers() IS 'Circuit breakers that are not closed, of accounts and servers: open, or half_open while one job may try.';
COMMENT ON FUNCTION crier.list_blocks(integer) IS 'What holds something up, of all workspaces: pauses, circuit breakers that are not closed, and blocks, in this order; at most 1,000. Not accounts that rest.';
COMMENT ON FUNCTION crier.rules_changed() IS 'The trigger of the tables with limits: a change holds from its commit on.';
COMMENT ON FUNCTION crier.expire_leases(text) IS 'Ends the leases of a worker that is known to be dead, or all: what it held is handed out again at once. Answers with their number.';
COMMENT ON FUNCTION crier.reload_queue() IS 'Forgets what the queue has in memory and what was noted of days that are dealt with, and reads the tables again. Answers with the number of unfinished jobs in memory.';
COMMENT ON FUNCTION crier.checkpoint_queue() IS 'Notes the days of the log that ended more than a day ago and are dealt with, so that a start need not read them. Answers with their number. crierd calls it every hour.';
COMMENT ON FUNCTION crier.next_run_at(text[]) IS 'When the next waiting job of these kinds is due, or an earlier time at which to ask again; null: none waits.';
COMMENT ON FUNCTION crier.complete_jobs(uuid[], bigint[], jsonb[]) IS 'Ends jobs as completed, with a result each or none. Answers with those accepted: a stale token changes nothing.';
COMMENT ON FUNCTION crier.fail_jobs(uuid[], bigint[], text[], jsonb[], timestamptz[]) IS
    'Says that jobs failed, with an error class each; the class decides between retry after 1, 2, 4 minutes, waiting without using up an attempt, and the end.';
COMMENT ON FUNCTION crier.snooze_jobs(uuid[], bigint[], timestamptz[]) IS 'Gives jobs back until a time without using up an attempt.';
COMMENT ON FUNCTION crier.extend_jobs(uuid[], bigint[], interval, jsonb[]) IS 'Renews leases and may record progress. A job missing in the answer is no longer the worker''s.';
COMMENT ON FUNCTION crier.start_target(uuid, bigint) IS 'Begins or resumes publishing a job''s target; answers with all that is needed. No row: the lease is lost. State unknown: ask the platform first.';
COMMENT ON FUNCTION crier.save_prepared(uuid, bigint, jsonb) IS 'Keeps what was prepared, so that a retry resumes there. False: the lease is lost or the post was canceled.';
COMMENT ON FUNCTION crier.record_intent(uuid, bigint, text, text, interval) IS 'Records key and exact request before they are sent; the first ones win and are answered. No row: send nothing.';
COMMENT ON FUNCTION crier.withdraw_intent(uuid, bigint) IS 'Forgets an intent of which certainly nothing came, and what was prepared: the next try drafts anew. False: the lease is lost, or nothing was to be sent.';
COMMENT ON FUNCTION crier.taken_posts(uuid, text[]) IS 'Those among posts that a look found which are another target''s of the job''s account, and when that was sent last.';
COMMENT ON FUNCTION crier.report_targets(uuid[], bigint[], text[], jsonb[], timestamptz[]) IS 'Says how targets came out: published, or an error class. Ends or reschedules their jobs too. A post that is another target''s already leaves its target unknown.';
COMMENT ON FUNCTION crier.connect_account(uuid, text, text, text, text) IS 'Adds or finds an account; answers with its id and the generation its next credential must have.';
COMMENT ON FUNCTION crier.store_credential(uuid, bigint, bytea, timestamptz, timestamptz, uuid) IS 'Stores a sealed credential if its generation follows the stored one. False: a newer one is there.';
COMMENT ON FUNCTION crier.get_credential(uuid) IS 'The sealed credential of an account.';
COMMENT ON FUNCTION crier.begin_refresh(uuid, bigint, interval) IS 'Asks to be the only one who refreshes this generation; answers with a token. Null: somebody else does, or it is old.';
COMMENT ON FUNCTION crier.fail_refresh(uuid, bigint, bigint, text, jsonb, timestamptz) IS 'Says that a refresh failed. Only auth_revoked asks for a new login; anything else is tried again later. outcome_unknown: it was sent, and nobody knows what came of it.';
COMMENT ON FUNCTION crier.defer_refresh(uuid, bigint, bigint, timestamptz) IS 'Ends a refresh of which nothing was sent, and says when it is time for one; null: not by itself.';
COMMENT ON FUNCTION crier.refresh_expiring_tokens(integer, text, text[], timestamptz[]) IS 'Gives credentials whose tokens end soon, to be renewed under begin_refresh. Two who ask at once get different ones; what was given comes again after five minutes (held_until) if nothing was done. Accounts of the servers p_resting are given once it is p_until.';
COMMENT ON FUNCTION crier.hand_back_refreshes(uuid[], bigint[], timestamptz[], timestamptz[]) IS 'Says that credentials that refresh_expiring_tokens gave are not renewed now, and when each is due again; gives how many. Not those that somebody has done something with since.';
COMMENT ON FUNCTION crier.installation_ids() IS 'Names this database: what it is, then what it was before it was adopted. Empty for a copy that was not adopted.';
COMMENT ON FUNCTION crier.add_alert_endpoint(uuid, text, bytea, uuid, text[]) IS
    'Adds an address to which alerts go, signed with a secret that crierd has sealed for this id: "crierd alert add" does both. p_workspace_id null: for the whole installation, by trusted roles only. p_kinds null: everything.';
COMMENT ON FUNCTION crier.list_alert_endpoints(uuid) IS
    'The endpoints of a workspace, for its owners and admins, with what became of their deliveries. Null: all that the caller decides about. waiting: undelivered alerts, 1000 for that many or more.';
COMMENT ON FUNCTION crier.enable_alert_endpoint(uuid, boolean) IS 'Enables an endpoint again, or disables it: what is due to a disabled one is not told.';
COMMENT ON FUNCTION crier.remove_alert_endpoint(uuid) IS 'Removes an endpoint; what still waits for it is not told.';
COMMENT ON FUNCTION crier.get_alert_endpoint(uuid) IS 'Where an endpoint is, and its sealed secret.';
COMMENT ON FUNCTION crier.begin_sealing(uuid, bigint) IS 'The active data key of a workspace (null: of the installation), as crierd has wrapped it. p_messages: how many the caller is going to seal with it before it asks again.';
COMMENT ON FUNCTION crier.add_data_key(uuid, uuid, bytea, uuid) IS 'Adds a data key, in the place of the active one where p_replaces names it. False: there is an active one, or another.';
COMMENT ON FUNCTION crier.get_data_key(uuid) IS 'A data key, as crierd has wrapped it, and whose it is.';
COMMENT ON FUNCTION crier.list_data_keys(bigint, uuid, integer) IS 'Data keys that a key of the key file wraps. For crierd keys.';
COMMENT ON FUNCTION crier.rewrap_data_key(uuid, bytea, bytea) IS 'Stores a data key that is wrapped anew. False: it was not wrapped as p_old any more.';
COMMENT ON FUNCTION crier.list_sealed(text, uuid, integer) IS 'A page of the sealed values of a column (credential.sealed, alert_endpoint.sealed); null where the active data key has sealed it. For crierd keys.';
COMMENT ON FUNCTION crier.reseal(text, uuid, uuid, bigint, bytea, bytea) IS 'Stores a value that is sealed anew. False: it was not p_old of this generation any more.';
COMMENT ON FUNCTION crier.key_usage() IS 'What each key of the key file wraps: active and retired data keys, values of older versions, values that retired data keys sealed; without a key id: values whose data key is not here. Reads every sealed value.';
COMMENT ON FUNCTION crier.begin_connect(uuid, text, text, text, uuid) IS
    'Begins to connect an account by OAuth; answers with a ticket, good once and for five minutes, with which the person''s browser is sent to crierd: docs/connect.md. account_id: the account that has to log in again.';
COMMENT ON FUNCTION crier.confirm_connect(text) IS
    'Confirms that the person who came back with crier_confirm is the user who began the login, as that user; answers with a ticket, good once and for five minutes, with which the browser is sent to /oauth/finish of crierd: docs/connect.md.';
COMMENT ON FUNCTION crier.take_oauth_state(text, bytea) IS
    'Takes a step of a login (ticket, login, choice, confirmed) with the hash of a secret that is good once. No row: unknown, used or too old.';
COMMENT ON FUNCTION crier.keep_oauth_state(uuid, uuid, text, bytea, bytea, bytea, text) IS
    'Keeps what the next step of a login needs, sealed, for fifteen minutes. False: the login is not at that step.';
COMMENT ON FUNCTION crier.end_oauth_state(uuid, uuid) IS 'Forgets a login that has come to its end.';
COMMENT ON FUNCTION crier.get_app_registration(text, text, text) IS 'The app that is registered at a server for a redirect URI, sealed. No row: none is.';
COMMENT ON FUNCTION crier.begin_app_registration(text, text, text, bigint, interval) IS 'Asks to be the only one who registers an app; answers with the id and generation to seal it for. No row: somebody else does, or has.';
COMMENT ON FUNCTION crier.store_app_registration(uuid, bigint, bytea) IS 'Stores a sealed app if its generation follows the stored one. False: a newer one is there.';
COMMENT ON FUNCTION crier.release_app_registration(uuid, bigint) IS 'Gives back the right to register an app of which nothing came.';
COMMENT ON FUNCTION crier.note_app_registration(uuid, bigint, boolean) IS 'Notes whether a server still knows an app.';
COMMENT ON FUNCTION crier.start_action(uuid, bigint) IS 'Begins what an account is to do and answers with all that is needed. No row: the lease is lost, or nothing is left to do and the job has ended.';
COMMENT ON FUNCTION crier.record_sending(uuid, bigint, interval) IS 'Records, before a message is sent, that it will be: without a clear answer it ends as unconfirmed. False: nothing may be sent.';
COMMENT ON FUNCTION crier.report_action(uuid, bigint, text, jsonb, timestamptz) IS 'Says how an action came out: done, or an error class. Ends or reschedules its job. Answers with the action''s state; null: the lease is lost.';
COMMENT ON FUNCTION crier.start_reading(uuid, bigint) IS 'Which post''s figures are to be read, and as whom. No row: the lease is lost, or the post is gone and the job canceled.';
COMMENT ON FUNCTION crier.report_metrics(uuid, bigint, text, jsonb, timestamptz) IS 'Says what was read: done with the figures, or an error class. Answers with the job''s state; null: the lease is lost.';
COMMENT ON FUNCTION crier.start_alert(uuid, bigint) IS 'What an alert says and where it goes. No row: the lease is lost, or the endpoint is removed or disabled and the job canceled.';
COMMENT ON FUNCTION crier.report_alert(uuid, bigint, text, jsonb) IS 'Says how a delivery came out: delivered, or an error class; target_missing disables the endpoint. Ends or reschedules the job. Null: the lease is lost.';
COMMENT ON FUNCTION crier.receive_webhook(text, text, jsonb, text[], text[], text[]) IS
    'Stores what a platform sent, part by part, for each account that a part is about, and has it processed. duplicate: that delivery was received before, and nothing was done.';
COMMENT ON FUNCTION crier.start_webhook(uuid, bigint) IS 'What a job of kind process_webhook is about. No row: the lease is lost, or the webhook is kept no longer and the job canceled.';
COMMENT ON FUNCTION crier.report_webhook(uuid, bigint, text, text[], timestamptz, text[], jsonb) IS
    'Says what a received webhook was about: done with its kinds, when the account''s grant was taken back, ids of posts that came on; or an error class. Ends or reschedules the job. Null: the lease is lost.';
COMMENT ON FUNCTION crier.replay_webhook(uuid) IS 'Has a received webhook processed again, for admins of its workspace and trusted roles. Answers with the job''s id: that of one that is to process it already, where there is one.';
COMMENT ON FUNCTION crier.replay_webhooks(timestamptz, timestamptz, uuid, text, int) IS
    'Has webhooks that were received from a time on, and before another, processed again, the oldest first; answers with their ids. p_workspace_id null: all that the caller decides about.';
COMMENT ON FUNCTION crier.list_webhooks(text, int, uuid, text, text, uuid, boolean, timestamptz, timestamptz) IS
    'Webhooks received, the newest first: a page as an array of objects, and next_cursor for the next page while has_more.';
COMMENT ON FUNCTION crier.cleanup_old_webhook_events(integer, integer, integer) IS 'Deletes received webhooks that are older than keep_webhook_events, and their events. {"deleted": n, "events": n, "more": …} or {"busy": true}.';
