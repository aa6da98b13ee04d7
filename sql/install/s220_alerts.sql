-- What somebody should look at: whatever is above its threshold in crier.alert_threshold.
CREATE FUNCTION alerts(p_all boolean DEFAULT false)
RETURNS TABLE (name text, value double precision, threshold double precision, about text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off
AS $fn$
DECLARE
    at CONSTANT timestamptz := statement_timestamp();
    waiting record;
    memory record;
    hour record;
    accounts record;
    api record;
    longest bigint;
    breakers bigint;
BEGIN
    PERFORM crier.require_table('stat_state');
    -- Deliveries of alerts are left out, or what is told of the queue would be a reason to tell more.
    SELECT sum(u.pending + u.retrying)::double precision AS jobs, min(u.oldest_due_at) AS oldest_due_at INTO waiting
    FROM crier.unfinished_jobs() u WHERE u.kind <> 'deliver_alert';
    SELECT m.used, m.capacity INTO memory FROM crier.queue_memory() m;
    SELECT sum(j.failed)::double precision / nullif(sum(j.completed + j.failed), 0) AS error_rate,
           sum(j.processing_us)::double precision / nullif(sum(j.timed), 0) AS processing,
           crier.sketch_quantile(crier.merge_sketches(array_agg(j.waiting) FILTER (WHERE j.waiting IS NOT NULL)), 0.95) AS waiting_p95
    INTO hour
    FROM crier.jobs_since(crier.stat_since('1 hour')) j WHERE j.kind <> 'deliver_alert';
    SELECT sum(a.reauth_required) AS reauth_required, sum(a.expiring) AS expiring INTO accounts FROM crier.get_account_stats() a;
    SELECT count(*) FILTER (WHERE m.status >= 500)::double precision / nullif(count(*), 0) AS error_rate,
           count(*) FILTER (WHERE m.status = 429) AS refused,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY m.took_ms) / 1000 AS slow
    INTO api
    FROM crier.api_metric m WHERE m.at > statement_timestamp() - interval '1 hour';
    -- a standby knows neither
    IF memory.capacity IS NOT NULL THEN
        waiting.jobs := coalesce(waiting.jobs, 0);
        SELECT min(r.token) INTO longest FROM crier.running_claims() r;
        SELECT count(*) INTO breakers FROM crier.breakers();
    END IF;
    RETURN QUERY
    SELECT t.name, v.value, t.threshold, t.about
    FROM (
        SELECT 'pending_jobs', waiting.jobs
        UNION ALL SELECT 'oldest_due_seconds', extract(epoch FROM greatest(at - waiting.oldest_due_at, '0'))
        UNION ALL SELECT 'average_processing_seconds', hour.processing / 1e6
        UNION ALL SELECT 'failure_rate', hour.error_rate
        UNION ALL SELECT 'waiting_p95_seconds', hour.waiting_p95 / 1e6
        UNION ALL SELECT 'longest_running_minutes', greatest(crier.micros(at) - longest, 0) / 60e6
        UNION ALL SELECT 'memory_used', memory.used::double precision / memory.capacity
        UNION ALL SELECT 'blocks', count(*) FROM crier.limit_block b WHERE b.until > at
        UNION ALL SELECT 'open_breakers', breakers
        UNION ALL SELECT 'reauth_required', coalesce(accounts.reauth_required, 0)
        UNION ALL SELECT 'expiring_logins', coalesce(accounts.expiring, 0)
        UNION ALL SELECT 'statistics_behind_seconds', extract(epoch FROM at - (SELECT s.closed_until FROM crier.stat_state s))
        UNION ALL SELECT 'api_error_rate', api.error_rate
        UNION ALL SELECT 'api_slow_seconds', api.slow
        UNION ALL SELECT 'rate_limit_violations', api.refused
        UNION ALL SELECT 'posts_without_jobs', (
            SELECT count(*) FROM (SELECT FROM crier.post_target p
                                  WHERE p.job_id IS NULL AND p.state = 'scheduled' AND p.due_at < at - interval '1 minute' LIMIT 1001) l)
    ) v (name, value)
    JOIN crier.alert_threshold t ON t.name = v.name
    WHERE p_all OR (t.enabled AND v.value > t.threshold)
    ORDER BY 1;
END
$fn$;
