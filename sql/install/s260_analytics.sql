-- Analytics: the sums of batches become those of hours and days. Each batch's sums are added with its events
-- (sql/queries/analytics/record.sql), and moved here in one statement: who reads sees them in one place or in the other.

-- Moves sums of batches into hours and days, the oldest first. Those of workspaces that are gone by now go with them.
CREATE FUNCTION roll_up_analytics(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000, p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '1s' SET jit = off
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    moved bigint := 0;
    n bigint;
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 100000);
    PERFORM crier.require_between('p_pause_ms', p_pause_ms, 0, 10000);
    IF NOT crier.begin_task('roll_up_analytics', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    PERFORM crier.require_table('analytics_delta');
    LOOP
        WITH taken AS (
            DELETE FROM crier.analytics_delta d
            WHERE d.id = ANY (ARRAY(SELECT q.id FROM crier.analytics_delta q ORDER BY q.id LIMIT p_batch))
            RETURNING d.*
        ), sums AS MATERIALIZED (
            SELECT t.workspace_id, t.hour, t.kind, t.platform, t.account_id, sum(t.events)::bigint AS events, sum(t.value) AS value,
                   count(*) AS deltas
            FROM taken t
            GROUP BY t.workspace_id, t.hour, t.kind, t.platform, t.account_id
        ), living AS MATERIALIZED (
            SELECT s.* FROM sums s
            WHERE EXISTS (SELECT FROM crier.workspace w WHERE w.id = s.workspace_id AND w.deleted_at IS NULL)
        ), hours AS (
            -- in this order, so that what is asked for together lies side by side: the sums of a workspace and an hour
            INSERT INTO crier.analytics_hour AS h (workspace_id, starts_at, kind, platform, account_id, events, value)
            SELECT l.workspace_id, l.hour, l.kind, l.platform, l.account_id, l.events, l.value FROM living l
            ORDER BY l.workspace_id, l.hour
            ON CONFLICT (workspace_id, starts_at, kind, platform, account_id)
            DO UPDATE SET events = h.events + excluded.events, value = h.value + excluded.value
        ), days AS (
            INSERT INTO crier.analytics_day AS d (workspace_id, starts_at, kind, platform, account_id, events, value)
            SELECT l.workspace_id, date_trunc('day', l.hour), l.kind, l.platform, l.account_id, sum(l.events)::bigint, sum(l.value)
            FROM living l
            GROUP BY l.workspace_id, date_trunc('day', l.hour), l.kind, l.platform, l.account_id
            ORDER BY l.workspace_id, date_trunc('day', l.hour)
            ON CONFLICT (workspace_id, starts_at, kind, platform, account_id)
            DO UPDATE SET events = d.events + excluded.events, value = d.value + excluded.value
        )
        SELECT coalesce(sum(s.deltas), 0) INTO n FROM sums s;
        moved := moved + n;
        IF n < p_batch THEN
            RETURN jsonb_build_object('moved', moved);
        ELSIF crier.ms_since(began) > p_max_ms THEN
            RETURN jsonb_build_object('moved', moved, 'more', true);
        END IF;
        PERFORM pg_sleep(p_pause_ms / 1000.0);
    END LOOP;
END
$fn$;

-- Events one by one, then sums by hour and by day, each for as long as its setting says.
CREATE FUNCTION cleanup_old_analytics_events(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000,
                                             p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
DECLARE
    kept record;
    did jsonb;
    deleted bigint := 0;
BEGIN
    FOR kept IN
        SELECT * FROM (VALUES ('analytics_event', 'keep_analytics_events'), ('analytics_hour', 'keep_analytics_hours'),
                              ('analytics_day', 'keep_analytics_days')) AS v (parent, setting)
    LOOP
        did := crier.drop_old_months('cleanup_old_analytics_events', kept.parent, kept.setting, p_batch, p_max_ms, p_pause_ms);
        deleted := deleted + coalesce((did ->> 'deleted')::bigint, 0);
        IF did ?| '{busy, dropped, locked, more}' THEN
            RETURN did;
        END IF;
    END LOOP;
    RETURN jsonb_build_object('deleted', deleted);
END
$fn$;

-- Some sums of a workspace that is deleted.
CREATE FUNCTION purge_sums(p_workspace_id uuid, p_table name, p_batch integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $fn$
DECLARE
    gone bigint;
BEGIN
    EXECUTE format('DELETE FROM crier.%1$I s WHERE s.workspace_id = $1 AND s.starts_at <= ('
                   'SELECT max(q.starts_at) FROM (SELECT r.starts_at FROM crier.%1$I r WHERE r.workspace_id = $1 '
                   '                              ORDER BY r.starts_at LIMIT $2) q)', p_table)
        USING p_workspace_id, p_batch;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$fn$;

-- How publishing came out in the whole installation within a time, by platform: the statistics know it. Threads and first comments
-- count post by post.
CREATE FUNCTION platform_rates(p_window interval DEFAULT '30 days')
RETURNS TABLE (platform text, published bigint, failed bigint, success_rate double precision, failure_rate double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
AS $fn$
BEGIN
    PERFORM crier.require_table('stat_state');
    PERFORM crier.require_window(p_window);
    RETURN QUERY
    SELECT j.platform, sum(j.completed)::bigint, sum(j.failed)::bigint,
           sum(j.completed)::double precision / nullif(sum(j.completed + j.failed), 0)::double precision,
           sum(j.failed)::double precision / nullif(sum(j.completed + j.failed), 0)::double precision
    FROM crier.jobs_since(crier.stat_since(p_window)) j
    WHERE j.kind IN ('publish_post', 'publish_comment')
    GROUP BY j.platform
    ORDER BY j.platform;
END
$fn$;
