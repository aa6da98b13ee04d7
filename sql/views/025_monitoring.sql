-- What an operator looks at. No tenant reads any of it: crier_monitor and crier_worker do.
CREATE OR REPLACE VIEW crier.maintenance_log AS
SELECT id, task, runner, started_at, took, did, error FROM crier.maintenance_run;
COMMENT ON VIEW crier.maintenance_log IS 'What crier.run_maintenance did: one row for each task it ran.';

CREATE OR REPLACE VIEW crier.maintenance_tasks AS
SELECT t.task, t.every, nullif(t.due_at, '-infinity') AS due_at, t.last_run_at, t.last_error,
       coalesce(t.every IS NOT NULL AND t.last_run_at < now() - 3 * t.every, false) AS late
FROM crier.maintenance_task t;
COMMENT ON VIEW crier.maintenance_tasks IS 'What is due when. late: three times as long ago as it should be.';

CREATE OR REPLACE VIEW crier.partitions AS
SELECT p.relname::text AS parent, c.relname::text AS name,
       to_date(substring(c.relname FROM '[0-9]{8}$'), 'YYYYMMDD') AS day,
       greatest(c.reltuples, 0)::bigint AS rows_estimated, pg_total_relation_size(c.oid) AS bytes,
       pg_get_expr(c.relpartbound, c.oid) AS bounds,
       -- of what is kept by months
       to_date(substring(c.relname FROM '_([0-9]{6})$'), 'YYYYMM') AS month,
       c.relname ~ '_default$' AS is_default
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind = 'r'
JOIN pg_class p ON p.oid = i.inhparent
WHERE p.relnamespace = 'crier'::regnamespace;
COMMENT ON VIEW crier.partitions IS 'The days of the queue''s log, the months of what is kept for long, and the default partitions: what old days left, and rows whose day or month was not made ahead.';

CREATE OR REPLACE VIEW crier.dead_letters AS
SELECT j.kind, o.error ->> 'class' AS class, count(*) AS jobs, min(o.finished_at) AS first_at, max(o.finished_at) AS last_at,
       (array_agg(o.error ->> 'message' ORDER BY o.finished_at DESC))[1] AS last_message
FROM crier.job_outcome o
JOIN crier.job j ON j.id = o.id
WHERE o.state = 'failed'
GROUP BY j.kind, o.error ->> 'class';
COMMENT ON VIEW crier.dead_letters IS 'Jobs that failed for good, by kind and class of error. Reads the dead letters only.';

CREATE OR REPLACE VIEW crier.expiring_tokens AS
SELECT c.workspace_id, c.account_id, a.platform, a.handle, a.status, c.expires_at, c.refresh_expires_at, c.updated_at,
       -- when it is renewed; null: not by itself
       c.refresh_at, c.refresh_failures, c.refresh_error ->> 'class' AS failed_with, c.refresh_unclear_since
FROM crier.credential c
JOIN crier.social_account a ON a.workspace_id = c.workspace_id AND a.id = c.account_id
WHERE least(c.expires_at, c.refresh_expires_at) < now() + interval '24 hours';
COMMENT ON VIEW crier.expiring_tokens IS 'Accounts whose tokens end within a day, or have ended, and when they are renewed: tokens of a few hours are always among them.';

CREATE OR REPLACE VIEW crier.failed_jobs AS
SELECT o.id AS job_id, j.workspace_id, j.account_id, j.platform, j.kind, o.error ->> 'class' AS class, left(o.error ->> 'message', 200) AS message,
       o.attempt, o.finished_at
FROM crier.job_outcome o
CROSS JOIN LATERAL (SELECT q.* FROM crier.job q WHERE q.id = o.id LIMIT 1) j
WHERE o.finished_at > now() - interval '1 hour' AND o.state = 'failed';
COMMENT ON VIEW crier.failed_jobs IS 'Jobs that failed for good within the last hour.';

CREATE OR REPLACE VIEW crier.index_usage AS
SELECT s.relname::text AS table_name, s.indexrelname::text AS index_name, s.idx_scan AS scans, s.idx_tup_read AS rows_read,
       pg_relation_size(s.indexrelid) AS bytes, x.indisunique AS is_unique, x.indisvalid AS is_valid
FROM pg_stat_user_indexes s
JOIN pg_index x ON x.indexrelid = s.indexrelid
WHERE s.schemaname = 'crier';
COMMENT ON VIEW crier.index_usage IS 'How often each index was used since the statistics were reset.';

CREATE OR REPLACE VIEW crier.bloated_indexes AS
SELECT index_name, table_name, bytes, expected_bytes, bytes - expected_bytes AS wasted_bytes, scans, valid
FROM crier.index_bloat()
WHERE NOT valid OR bytes > 2 * expected_bytes;
COMMENT ON VIEW crier.bloated_indexes IS 'Indexes that take more than twice the room they need, by the statistics of the last ANALYZE, and invalid ones.';

CREATE OR REPLACE VIEW crier.vacuum_state AS
SELECT s.relname::text AS table_name, s.n_live_tup AS live_rows, s.n_dead_tup AS dead_rows, pg_total_relation_size(s.relid) AS bytes,
       greatest(s.last_vacuum, s.last_autovacuum) AS last_vacuum, greatest(s.last_analyze, s.last_autoanalyze) AS last_analyze,
       age(c.relfrozenxid) AS xid_age, c.reloptions AS options
FROM pg_stat_user_tables s
JOIN pg_class c ON c.oid = s.relid
WHERE s.schemaname = 'crier' AND c.relkind = 'r';
COMMENT ON VIEW crier.vacuum_state IS 'Dead rows and the last vacuum of each table.';

-- What the thresholds of autovacuum come to, by the settings of the table or of the server.
CREATE OR REPLACE VIEW crier.vacuum_due AS
SELECT s.relname::text AS table_name, s.n_dead_tup AS dead_rows, (t.base + t.scale * greatest(c.reltuples, 0))::bigint AS dead_rows_allowed,
       s.n_mod_since_analyze AS changed_since_analyze, greatest(s.last_vacuum, s.last_autovacuum) AS last_vacuum,
       s.autovacuum_count AS autovacuums, p.phase, p.heap_blks_scanned, p.heap_blks_total,
       age(c.relfrozenxid) AS xid_age, s.n_dead_tup > t.base + t.scale * greatest(c.reltuples, 0) AS is_due
FROM pg_stat_user_tables s
JOIN pg_class c ON c.oid = s.relid AND c.relkind = 'r'
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT split_part(o, '=', 2) FROM unnest(c.reloptions) o WHERE o LIKE 'autovacuum_vacuum_threshold=%'),
                    current_setting('autovacuum_vacuum_threshold'))::double precision AS base,
           coalesce((SELECT split_part(o, '=', 2) FROM unnest(c.reloptions) o WHERE o LIKE 'autovacuum_vacuum_scale_factor=%'),
                    current_setting('autovacuum_vacuum_scale_factor'))::double precision AS scale
) t
LEFT JOIN pg_stat_progress_vacuum p ON p.relid = s.relid AND p.datname = current_database()
WHERE s.schemaname = 'crier' AND (s.n_dead_tup > t.base + t.scale * greatest(c.reltuples, 0) OR p.relid IS NOT NULL
                                  OR age(c.relfrozenxid) > current_setting('autovacuum_freeze_max_age')::bigint);
COMMENT ON VIEW crier.vacuum_due IS 'Tables that autovacuum is at, or should be by their dead rows or by their age.';

CREATE OR REPLACE VIEW crier.webhook_intake AS
SELECT e.source, e.platform, count(*) AS received, count(*) FILTER (WHERE e.workspace_id IS NULL) AS of_no_account,
       count(*) FILTER (WHERE e.processed_at IS NULL) AS waiting,
       min(e.received_at) FILTER (WHERE e.processed_at IS NULL) AS waiting_since, max(e.received_at) AS last_received_at
FROM crier.webhook_event e
WHERE e.received_at > now() - interval '1 day'
GROUP BY e.source, e.platform;
COMMENT ON VIEW crier.webhook_intake IS 'Webhooks received within the last day, by endpoint: how many, and how many of them wait to be processed.';

GRANT SELECT ON crier.maintenance_log, crier.maintenance_tasks, crier.partitions, crier.dead_letters, crier.expiring_tokens,
    crier.index_usage, crier.bloated_indexes, crier.vacuum_state, crier.webhook_intake, crier.failed_jobs, crier.vacuum_due TO crier_monitor, crier_worker;
