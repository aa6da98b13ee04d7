-- What somebody should look at: whatever is above its threshold in crier.alert_threshold.
CREATE FUNCTION alerts(p_all boolean DEFAULT false)
RETURNS TABLE (name text, value double precision, threshold double precision, about text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off
AS $fn$
DECLARE
    at CONSTANT timestamptz := statement_timestamp();
    q record;
    hour record;
    accounts record;
    longest bigint;
    breakers bigint;
BEGIN
    SELECT * INTO q FROM crier.get_queue_stats();
    SELECT * INTO hour FROM crier.get_job_queue_stats('1 hour') s WHERE s.kind IS NULL;
    SELECT sum(a.reauth_required) AS reauth_required, sum(a.expiring) AS expiring INTO accounts FROM crier.get_account_stats() a;
    -- a standby knows neither
    IF q.memory_capacity IS NOT NULL THEN
        SELECT min(r.token) INTO longest FROM crier.running_claims() r;
        SELECT count(*) INTO breakers FROM crier.breakers();
    END IF;
    RETURN QUERY
    SELECT t.name, v.value, t.threshold, t.about
    FROM (
        SELECT 'pending_jobs', (q.pending + q.retrying)::double precision
        UNION ALL SELECT 'oldest_due_seconds', extract(epoch FROM q.oldest_due_age)
        UNION ALL SELECT 'average_processing_seconds', extract(epoch FROM hour.average_processing)
        UNION ALL SELECT 'failure_rate', hour.error_rate
        UNION ALL SELECT 'waiting_p95_seconds', extract(epoch FROM hour.waiting_p95)
        UNION ALL SELECT 'longest_running_minutes', greatest(crier.micros(at) - longest, 0) / 60e6
        UNION ALL SELECT 'memory_used', q.memory_used::double precision / q.memory_capacity
        UNION ALL SELECT 'blocks', count(*) FROM crier.limit_block b WHERE b.until > at
        UNION ALL SELECT 'open_breakers', breakers
        UNION ALL SELECT 'reauth_required', coalesce(accounts.reauth_required, 0)
        UNION ALL SELECT 'expiring_logins', coalesce(accounts.expiring, 0)
        UNION ALL SELECT 'statistics_behind_seconds', extract(epoch FROM at - q.summed_up_until)
    ) v (name, value)
    JOIN crier.alert_threshold t ON t.name = v.name
    WHERE p_all OR (t.enabled AND v.value > t.threshold)
    ORDER BY 1;
END
$fn$;
