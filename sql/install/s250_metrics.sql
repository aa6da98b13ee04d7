-- What a program that watches the database reads, all of it at once: one row a figure, in the words of Prometheus.
CREATE FUNCTION metrics()
RETURNS TABLE (name text, labels jsonb, value double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
AS $fn$
DECLARE
    at CONSTANT timestamptz := statement_timestamp();
    queue record;
BEGIN
    PERFORM crier.require_table('stat_state');
    SELECT * INTO queue FROM crier.get_queue_stats();
    RETURN QUERY
    SELECT v.name, v.labels, v.value
    FROM (VALUES
        ('crier_queue_jobs', '{"state": "pending"}'::jsonb, queue.pending::double precision),
        ('crier_queue_jobs', '{"state": "retrying"}', queue.retrying),
        ('crier_queue_jobs', '{"state": "running"}', queue.running),
        ('crier_queue_jobs', '{"state": "scheduled_later"}', queue.scheduled_later),
        ('crier_queue_dead_letters', '{}', queue.failed),
        ('crier_queue_oldest_due_seconds', '{}', CASE WHEN queue.pending IS NOT NULL
            THEN greatest(extract(epoch FROM coalesce(queue.oldest_due_age, '0')), 0)::double precision END),
        ('crier_queue_memory_jobs', '{"what": "used"}', queue.memory_used),
        ('crier_queue_memory_jobs', '{"what": "capacity"}', queue.memory_capacity),
        ('crier_queue_memory_complete', '{}', queue.memory_complete::int),
        ('crier_queue_paused', '{}', queue.paused::int)
    ) v (name, labels, value)
    WHERE v.value IS NOT NULL;
    -- since statistics began: they only grow. What has not ended yet is there too, with 0.
    RETURN QUERY
    SELECT 'crier_jobs_ended_total', jsonb_build_object('kind', e.kind, 'outcome', o.outcome), o.total
    FROM (SELECT j.kind, sum(j.completed)::double precision AS completed, sum(j.failed)::double precision AS failed,
                 sum(j.canceled)::double precision AS canceled
          FROM (SELECT s.kind, s.completed, s.failed, s.canceled FROM crier.jobs_since(crier.stat_since(NULL)) s
                UNION ALL SELECT u.kind, 0, 0, 0 FROM crier.unfinished_jobs() u) j
          GROUP BY j.kind) e
    CROSS JOIN LATERAL (VALUES ('completed', e.completed), ('failed', e.failed), ('canceled', e.canceled)) o (outcome, total);
    RETURN QUERY
    SELECT 'crier_kind_jobs', jsonb_build_object('kind', u.kind, 'platform', coalesce(u.platform, ''), 'state', s.state), s.jobs
    FROM crier.unfinished_jobs() u
    CROSS JOIN LATERAL (VALUES ('pending', u.pending::double precision), ('retrying', u.retrying), ('running', u.running), ('due', u.due)) s (state, jobs);
    RETURN QUERY
    SELECT 'crier_accounts', jsonb_build_object('platform', a.platform, 'status', s.status), s.accounts
    FROM crier.get_account_stats() a
    CROSS JOIN LATERAL (VALUES ('active', a.active::double precision), ('paused', a.paused), ('disconnected', a.disconnected),
                               ('reauth_required', a.reauth_required), ('expiring', a.expiring), ('blocked', a.blocked)) s (status, accounts);
    RETURN QUERY
    SELECT 'crier_workers', '{}'::jsonb, count(*)::double precision
    FROM crier.get_worker_stats() w WHERE w.last_seen_at > at - interval '5 minutes';
    RETURN QUERY
    SELECT 'crier_unconfirmed_posts', '{}'::jsonb, count(*)::double precision
    FROM (SELECT FROM crier.post_target t WHERE t.state = 'unconfirmed' LIMIT 100000) t;
    -- a standby knows no breakers
    IF queue.memory_capacity IS NOT NULL THEN
        RETURN QUERY
        SELECT 'crier_breakers', jsonb_build_object('platform', b.platform, 'state', b.state), count(*)::double precision
        FROM crier.breakers() b GROUP BY b.platform, b.state;
    END IF;
    RETURN QUERY
    SELECT f.name, jsonb_build_object('alert', a.name), f.value
    FROM crier.alerts(true) a
    CROSS JOIN LATERAL (VALUES ('crier_alert_value', a.value), ('crier_alert_threshold', a.threshold)) f (name, value)
    WHERE f.value IS NOT NULL;
END
$fn$;
