-- Who sees which rows. Every crier.migrate() makes what is missing; what is there is left alone, because a policy
-- can't be touched without locking its table. One that changes gets a new name here.
-- A table of tenants' data has one policy: members of the workspace read. The membership function stands in a
-- sub-select so that it runs once per query, not once per row. crier.credential, crier.data_key, crier.oauth_state,
-- crier.app_registration, crier.alert_endpoint, crier.webhook_delivery, crier.post_import, crier.api_key, crier.idempotency_key, crier.installation, crier.migration, the activity log,
-- those of analytics, users' figures and the response cache, which functions read, and the queue's own tables have row security and no policy: nobody
-- but their owner reads them.
DO $do$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT tab, col
        FROM (VALUES ('workspace', 'id'), ('workspace_member', 'workspace_id'), ('social_account', 'workspace_id'),
                     ('post', 'workspace_id'), ('post_tag', 'workspace_id'), ('post_target', 'workspace_id'), ('job', 'workspace_id'),
                     ('job_outcome', 'workspace_id'), ('job_retry', 'workspace_id'), ('job_progress', 'workspace_id'),
                     ('event', 'workspace_id'), ('job_log', 'workspace_id'), ('account_limit', 'workspace_id'),
                     ('limit_block', 'workspace_id'), ('account_action', 'workspace_id'),
                     ('post_metrics', 'workspace_id'), ('webhook_event', 'workspace_id'), ('account_slots', 'workspace_id'),
                     ('slot_booking', 'workspace_id'), ('schedule', 'workspace_id'), ('schedule_occurrence', 'workspace_id'),
                     ('schedule_item', 'workspace_id'), ('schedule_account', 'workspace_id')) AS v (tab, col)
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_policies
                              WHERE schemaname = 'crier' AND tablename = t.tab AND policyname = 'members_read');
        EXECUTE format('CREATE POLICY members_read ON crier.%I FOR SELECT TO crier_app '
                       'USING (%I = ANY ((SELECT crier.my_workspace_ids())::uuid[]))', t.tab, t.col);
    END LOOP;
END
$do$;
