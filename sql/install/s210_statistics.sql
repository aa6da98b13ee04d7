-- Statistics for operators. What is unfinished comes from the queue's memory and is null on a standby; what has ended comes from
-- the sums and from the log since.

CREATE FUNCTION get_queue_stats()
RETURNS TABLE (pending bigint, retrying bigint, running bigint, changing bigint, scheduled_later bigint, failed bigint,
               completed_last_hour bigint, failed_last_hour bigint, completed_last_day bigint, failed_last_day bigint,
               completed_per_minute bigint, oldest_due_at timestamptz, oldest_due_age interval, memory_used bigint,
               memory_capacity bigint, memory_complete boolean, paused boolean, summed_up_until timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET enable_seqscan = off
SET max_parallel_workers_per_gather = 0
AS $fn$
DECLARE
    at timestamptz := statement_timestamp();
    -- nobody needs to know more exactly how many there are
    most CONSTANT bigint := 100000;
    beyond timestamptz;
BEGIN
    PERFORM crier.require_table('stat_state');
    SELECT sum(u.pending), sum(u.retrying), sum(u.running), sum(u.changing), min(u.oldest_due_at)
    INTO pending, retrying, running, changing, oldest_due_at FROM crier.unfinished_jobs() u;
    SELECT m.used, m.capacity, m.complete, m.horizon INTO memory_used, memory_capacity, memory_complete, beyond
    FROM crier.queue_memory() m;
    IF memory_capacity IS NOT NULL THEN
        -- no class has any job
        pending := coalesce(pending, 0);
        retrying := coalesce(retrying, 0);
        running := coalesce(running, 0);
        changing := coalesce(changing, 0);
        SELECT count(*) INTO scheduled_later
        FROM (SELECT FROM crier.job_scheduled s WHERE s.run_at > beyond LIMIT most) s;
    END IF;
    oldest_due_age := greatest(at - oldest_due_at, '0');
    SELECT count(*) INTO failed FROM (SELECT o.id FROM crier.job_outcome o WHERE o.state = 'failed' LIMIT most) o;
    SELECT e.completed, e.failed INTO completed_last_hour, failed_last_hour FROM crier.ended_since(crier.stat_since('1 hour')) e;
    SELECT e.completed, e.failed INTO completed_last_day, failed_last_day FROM crier.ended_since(crier.stat_since('1 day')) e;
    SELECT count(*) INTO completed_per_minute FROM crier.job_outcome o
    WHERE o.finished_at >= at - interval '1 minute' AND o.state = 'completed';
    SELECT s.paused OR EXISTS (SELECT FROM crier.pause p WHERE p.scope = 'all') INTO paused FROM crier.status() s;
    SELECT s.closed_until INTO summed_up_until FROM crier.stat_state s;
    RETURN NEXT;
END
$fn$;

-- By kind, and all kinds together in the row without one. What is unfinished is now; everything else within p_window, or since
-- statistics began where that is null.
CREATE FUNCTION get_job_queue_stats(p_window interval DEFAULT '1 day')
RETURNS TABLE (kind text, pending bigint, retrying bigint, running bigint, completed bigint, failed bigint, canceled bigint,
               attempts bigint, error_rate double precision, average_processing interval,
               waiting_p50 interval, waiting_p95 interval, waiting_p99 interval,
               processing_p50 interval, processing_p95 interval, processing_p99 interval)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
AS $fn$
DECLARE
    known boolean;
BEGIN
    PERFORM crier.require_table('stat_state');
    IF p_window <= '0' THEN
        RAISE EXCEPTION 'p_window is %', p_window
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument',
                  HINT = 'Give an interval of more than nothing, or null for all times.';
    END IF;
    known := EXISTS (SELECT FROM crier.queue_memory());
    RETURN QUERY
    WITH ended AS (
        -- no kind is empty: that is the row of all together
        SELECT coalesce(j.kind, '') AS kind, sum(j.completed)::bigint AS completed, sum(j.failed)::bigint AS failed,
               sum(j.canceled)::bigint AS canceled, sum(j.attempts)::bigint AS attempts,
               sum(j.processing_us) / nullif(sum(j.timed), 0) AS average,
               crier.merge_sketches(array_agg(j.processing) FILTER (WHERE j.processing IS NOT NULL)) AS processing,
               crier.merge_sketches(array_agg(j.waiting) FILTER (WHERE j.waiting IS NOT NULL)) AS waiting
        FROM crier.jobs_since(crier.stat_since(p_window)) j
        GROUP BY GROUPING SETS ((j.kind), ())
    ), unfinished AS (
        SELECT coalesce(u.kind, '') AS kind, sum(u.pending)::bigint AS pending, sum(u.retrying)::bigint AS retrying,
               sum(u.running)::bigint AS running
        FROM crier.unfinished_jobs() u
        GROUP BY GROUPING SETS ((u.kind), ())
    )
    SELECT nullif(coalesce(e.kind, u.kind), ''),
           CASE WHEN known THEN coalesce(u.pending, 0) END, CASE WHEN known THEN coalesce(u.retrying, 0) END,
           CASE WHEN known THEN coalesce(u.running, 0) END,
           coalesce(e.completed, 0), coalesce(e.failed, 0), coalesce(e.canceled, 0), coalesce(e.attempts, 0),
           e.failed::double precision / nullif(e.completed + e.failed, 0),
           e.average::double precision * interval '1 microsecond',
           crier.sketch_quantile(e.waiting, 0.5) * interval '1 microsecond',
           crier.sketch_quantile(e.waiting, 0.95) * interval '1 microsecond',
           crier.sketch_quantile(e.waiting, 0.99) * interval '1 microsecond',
           crier.sketch_quantile(e.processing, 0.5) * interval '1 microsecond',
           crier.sketch_quantile(e.processing, 0.95) * interval '1 microsecond',
           crier.sketch_quantile(e.processing, 0.99) * interval '1 microsecond'
    FROM ended e
    FULL JOIN unfinished u ON u.kind = e.kind
    ORDER BY 1 NULLS FIRST;
END
$fn$;

-- What ended, bucket by bucket; a bucket in which nothing did is left out.
CREATE FUNCTION throughput(p_bucket text DEFAULT 'minute', p_since timestamptz DEFAULT NULL)
RETURNS TABLE (bucket timestamptz, completed bigint, failed bigint, canceled bigint, attempts bigint, average_processing interval)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
AS $fn$
DECLARE
    now CONSTANT timestamptz := statement_timestamp();
    longest interval;
    since timestamptz;
BEGIN
    PERFORM crier.require_table('stat_state');
    CASE p_bucket
        WHEN 'minute' THEN longest := '2 days'; since := coalesce(p_since, now - interval '1 hour');
        WHEN 'hour' THEN longest := '60 days'; since := coalesce(p_since, now - interval '1 day');
        WHEN 'day' THEN longest := '100 years'; since := coalesce(p_since, now - interval '30 days');
        ELSE RAISE EXCEPTION 'p_bucket is %', coalesce(quote_literal(left(p_bucket, 80)), 'null')
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument', HINT = 'Give minute, hour or day.';
    END CASE;
    IF since > now OR since < now - longest THEN
        RAISE EXCEPTION 'p_since is %', p_since
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument',
                  HINT = 'Give a time that has passed: minutes are kept for two days, hours for sixty.';
    END IF;
    RETURN QUERY
    SELECT date_trunc(p_bucket, j.starts_at), sum(j.completed)::bigint, sum(j.failed)::bigint, sum(j.canceled)::bigint,
           sum(j.attempts)::bigint,
           (sum(j.processing_us) / nullif(sum(j.timed), 0))::double precision * interval '1 microsecond'
    FROM crier.jobs_since(date_trunc(p_bucket, since), p_bucket) j
    GROUP BY 1
    ORDER BY 1;
END
$fn$;

-- Workers that claimed or ended a job within a day, or have one. An estimate of what was claimed: a claim that was committed
-- more than some seconds after it was made may be left out.
CREATE FUNCTION get_worker_stats()
RETURNS TABLE (worker text, running bigint, claimed_last_day bigint, completed_last_day bigint, failed_last_day bigint,
               last_seen_at timestamptz, workspaces bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
AS $fn$
DECLARE
    known boolean;
BEGIN
    PERFORM crier.require_table('stat_state');
    known := EXISTS (SELECT FROM crier.queue_memory());
    RETURN QUERY
    WITH did AS (
        SELECT w.worker, sum(w.claimed)::bigint AS claimed, sum(w.completed)::bigint AS completed, sum(w.failed)::bigint AS failed,
               max(w.starts_at) AS seen
        FROM crier.workers_since(crier.stat_since('1 day')) w
        GROUP BY 1
    ), has AS (
        SELECT c.worker, sum(r.jobs)::bigint AS running, count(DISTINCT r.workspace_id) AS workspaces,
               timestamptz '2000-01-01' + max(r.token) * interval '1 microsecond' AS seen
        FROM crier.running_claims() r
        CROSS JOIN LATERAL (
            SELECT q.worker FROM crier.job_claim q WHERE q.recorded_at = r.token AND q.token = r.token LIMIT 1
        ) c
        GROUP BY 1
    )
    SELECT coalesce(d.worker, h.worker), CASE WHEN known THEN coalesce(h.running, 0) END, coalesce(d.claimed, 0),
           coalesce(d.completed, 0), coalesce(d.failed, 0), greatest(d.seen, h.seen),
           CASE WHEN known THEN coalesce(h.workspaces, 0) END
    FROM did d
    FULL JOIN has h ON h.worker = d.worker
    ORDER BY 1;
END
$fn$;

-- Accounts by platform.
CREATE FUNCTION get_account_stats()
RETURNS TABLE (platform text, accounts bigint, active bigint, paused bigint, disconnected bigint, reauth_required bigint,
               expiring bigint, blocked bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off SET max_parallel_workers_per_gather = 0
AS $fn$
SELECT a.platform, count(*), count(*) FILTER (WHERE a.status = 'active'), count(*) FILTER (WHERE a.status = 'paused'),
       count(*) FILTER (WHERE a.status = 'disconnected'), count(*) FILTER (WHERE a.status = 'reauth_required'),
       -- a login that is renewed by itself ends with what renews it
       count(*) FILTER (WHERE a.status = 'active'
                        AND coalesce(c.refresh_expires_at, c.expires_at) < statement_timestamp() + interval '1 day'),
       count(*) FILTER (WHERE b.account_id IS NOT NULL)
FROM crier.social_account a
LEFT JOIN crier.credential c ON c.workspace_id = a.workspace_id AND c.account_id = a.id
LEFT JOIN (SELECT DISTINCT l.account_id FROM crier.limit_block l
           WHERE l.until > statement_timestamp() AND l.account_id <> '00000000-0000-0000-0000-000000000000') b ON b.account_id = a.id
WHERE a.deleted_at IS NULL
GROUP BY 1
ORDER BY 1
$fn$;

-- What holds something up, of all tenants: pauses, circuit breakers that tripped, and blocks that were set, those of servers first. Not
-- accounts that their owners let rest: there may be many, and nobody is to do anything about them.
CREATE FUNCTION list_blocks(p_limit integer DEFAULT 100)
RETURNS TABLE (kind text, workspace_id uuid, platform text, host text, account_id uuid, handle text, action text, until timestamptz,
               since timestamptz, reason text, set_by text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off SET max_parallel_workers_per_gather = 0
AS $fn$
SELECT h.kind, coalesce(h.workspace_id, a.workspace_id), coalesce(h.platform, a.platform), h.host, h.account_id, a.handle, h.action,
       h.until, h.since, h.reason, h.set_by
FROM (SELECT 'pause' AS kind, 1 AS place, CASE WHEN p.scope = 'workspace' THEN p.name::uuid END AS workspace_id,
             CASE WHEN p.scope = 'platform' THEN p.name END AS platform, NULL AS host,
             CASE WHEN p.scope = 'account' THEN p.name::uuid END AS account_id, CASE WHEN p.scope = 'kind' THEN p.name END AS action,
             'infinity'::timestamptz AS until, p.paused_at AS since, p.reason, 'operator' AS set_by
      FROM crier.pause p
      UNION ALL
      SELECT 'breaker', 2, NULL, b.platform, b.host, b.account_id, NULL, b.open_until, NULL, b.state, NULL FROM crier.breakers() b
      -- a standby has none in memory
      WHERE (SELECT NOT pg_is_in_recovery())
      UNION ALL
      SELECT 'block', CASE WHEN l.account_id = '00000000-0000-0000-0000-000000000000' THEN 3 ELSE 4 END, NULL, l.platform,
             nullif(l.host, ''), nullif(l.account_id, '00000000-0000-0000-0000-000000000000'), nullif(l.action, ''), l.until,
             l.blocked_at, l.reason, l.set_by
      FROM crier.limit_block l WHERE l.until > statement_timestamp() AND l.set_by <> 'pause'
      ORDER BY place, since DESC NULLS LAST, account_id LIMIT least(greatest(coalesce(p_limit, 100), 0), 1000)) h
LEFT JOIN LATERAL (SELECT s.workspace_id, s.platform, s.handle FROM crier.social_account s WHERE s.id = h.account_id LIMIT 1) a ON true
ORDER BY h.place, h.since DESC NULLS LAST, h.account_id
$fn$;
