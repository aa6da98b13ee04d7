-- The state of Crier at a glance, for psql:  psql -d DATABASE -f sql/monitoring.sql
-- Everything in here only reads. As a superuser, or as a member of crier_monitor and pg_monitor.
\set QUIET on
\pset pager off

\echo '== alerts: what is above its threshold =='
-- docs/operations.md says of each what it comes from and what to do.
SELECT name, value, threshold, about FROM crier.alerts();

\echo '== the queue =='
SELECT pending, retrying, running, scheduled_later, failed, completed_last_hour, failed_last_hour, completed_per_minute, oldest_due_age,
       memory_used, memory_capacity, paused, summed_up_until
FROM crier.get_queue_stats();

\echo '== backlog: unfinished jobs in memory =='
SELECT * FROM crier.backlog();

\echo '== dead letters =='
SELECT kind, class, jobs, first_at, last_at, left(last_message, 60) AS last_message
FROM crier.dead_letters ORDER BY jobs DESC LIMIT 20;

\echo '== jobs that failed within an hour =='
SELECT kind, platform, class, count(*) AS jobs, max(finished_at) AS last_at, min(message) AS a_message
FROM crier.failed_jobs GROUP BY kind, platform, class ORDER BY jobs DESC LIMIT 20;

\echo '== kinds of jobs within a day =='
SELECT kind, pending, running, completed, failed, round(error_rate::numeric, 4) AS error_rate, average_processing, waiting_p95, processing_p99
FROM crier.get_job_queue_stats() ORDER BY kind NULLS FIRST;

\echo '== publishing by platform within 30 days =='
SELECT platform, published, failed, round(failure_rate::numeric, 4) AS failure_rate FROM crier.platform_rates();

\echo '== stuck jobs =='
SELECT job_id, kind, attempt, worker, running_since, lease_expires_at FROM crier.stuck_jobs() LIMIT 20;

\echo '== tokens that end within a day =='
-- late: crierd should have renewed them minutes ago. Those that need a new login are renewed by nobody.
SELECT platform, status, count(*) AS accounts, min(expires_at) AS first_ends_at, count(*) FILTER (WHERE refresh_failures > 0) AS failing,
       count(*) FILTER (WHERE refresh_at < now() - interval '10 minutes') AS late, min(refresh_at) AS next_refresh_at
FROM crier.expiring_tokens GROUP BY platform, status ORDER BY accounts DESC;

\echo '== webhooks received within a day, by endpoint =='
SELECT source, platform, received, of_no_account, waiting, waiting_since, last_received_at
FROM crier.webhook_intake ORDER BY waiting DESC, received DESC LIMIT 20;

\echo '== API servers within an hour: errors and slow endpoints =='
SELECT coalesce(endpoint, '(all)') AS endpoint, requests, client_errors, server_errors, round(error_rate::numeric, 4) AS error_rate
FROM crier.api_error_rates() LIMIT 20;
SELECT endpoint, method, requests, slow, round(p95_ms::numeric, 1) AS p95_ms, round(max_ms::numeric, 1) AS max_ms
FROM crier.api_slow_endpoints() LIMIT 20;
SELECT hour, users, requests FROM crier.api_active_users();

\echo '== response cache =='
SELECT hits, stale, misses, round(hit_rate::numeric, 3) AS hit_rate, entries, expired, pg_size_pretty(bytes) AS size FROM crier.cache_stats();

\echo '== maintenance =='
SELECT * FROM crier.maintenance_tasks ORDER BY task;
SELECT task, runner, started_at, error FROM crier.maintenance_log WHERE error IS NOT NULL ORDER BY id DESC LIMIT 10;

\echo '== partitions, and what is in the default ones =='
SELECT parent, count(coalesce(day, month)) AS partitions, min(coalesce(day, month)) AS first, max(coalesce(day, month)) AS last, sum(rows_estimated) AS rows_estimated,
       pg_size_pretty(sum(bytes)) AS size, sum(rows_estimated) FILTER (WHERE is_default) AS rows_in_default
FROM crier.partitions GROUP BY parent ORDER BY parent;

\echo '== indexes that are hardly used =='
SELECT table_name, index_name, scans, pg_size_pretty(bytes) AS size
FROM crier.index_usage WHERE NOT is_unique ORDER BY scans, bytes DESC LIMIT 20;

\echo '== bloated indexes =='
SELECT index_name, pg_size_pretty(bytes) AS size, pg_size_pretty(wasted_bytes) AS wasted, valid
FROM crier.bloated_indexes WHERE bytes > 1048576 OR NOT valid ORDER BY wasted_bytes DESC LIMIT 20;

\echo '== dead rows and vacuum =='
SELECT table_name, live_rows, dead_rows, pg_size_pretty(bytes) AS size, last_vacuum, last_analyze, xid_age
FROM crier.vacuum_state ORDER BY dead_rows DESC, bytes DESC LIMIT 20;

\echo '== autovacuum: what it is at, and what is due =='
SELECT table_name, is_due, dead_rows, dead_rows_allowed, phase, heap_blks_scanned, heap_blks_total, last_vacuum, xid_age
FROM crier.vacuum_due ORDER BY is_due DESC, dead_rows DESC LIMIT 20;
SELECT name, setting FROM pg_settings WHERE name IN ('autovacuum', 'autovacuum_max_workers', 'autovacuum_naptime', 'track_counts') ORDER BY name;

\echo '== locks that somebody waits for =='
SELECT w.pid, w.wait_event, now() - w.query_start AS waits_for, pg_blocking_pids(w.pid) AS behind, left(w.query, 80) AS query
FROM pg_stat_activity w
WHERE w.wait_event_type = 'Lock' AND w.datname = current_database() ORDER BY w.query_start;

\echo '== old snapshots, which keep vacuum from its work =='
SELECT pid, usename, state, now() - xact_start AS open_for, left(query, 80) AS query
FROM pg_stat_activity
WHERE datname = current_database() AND xact_start < now() - interval '5 minutes' ORDER BY xact_start LIMIT 10;

SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements') AS has_statements \gset
\if :has_statements
\echo '== slow statements =='
SELECT calls, round(mean_exec_time::numeric, 2) AS mean_ms, round(max_exec_time::numeric, 1) AS max_ms,
       round(total_exec_time::numeric / 1000, 1) AS total_s, left(regexp_replace(query, '\s+', ' ', 'g'), 90) AS query
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query LIKE '%crier.%'
ORDER BY total_exec_time DESC LIMIT 20;
\else
\echo '== slow statements: CREATE EXTENSION pg_stat_statements shows them =='
\endif
