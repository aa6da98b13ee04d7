-- What each user has published, kept so that nobody who asks counts posts. It is worked out workspace by workspace, and only what
-- differs is written: readers wait for nothing, and see a workspace as it was before or as it is.

-- The figures of one workspace.
CREATE FUNCTION refresh_user_statistics_of(p_workspace_id uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $fn$
WITH targets AS (
    SELECT t.post_id, count(*) FILTER (WHERE t.state = 'published') AS published, count(*) FILTER (WHERE t.state = 'failed') AS failed,
           count(*) FILTER (WHERE t.state = 'unconfirmed') AS unconfirmed, count(*) FILTER (WHERE t.state = 'canceled') AS canceled,
           count(*) FILTER (WHERE t.state NOT IN ('published', 'failed', 'unconfirmed', 'canceled')) AS scheduled
    FROM crier.post_target t
    WHERE t.workspace_id = p_workspace_id
    GROUP BY t.post_id
), figures AS (
    SELECT p.author_id AS user_id, count(*) AS posts, count(*) FILTER (WHERE p.stage <> 'scheduled') AS drafts,
           coalesce(sum(t.scheduled), 0)::bigint AS scheduled, coalesce(sum(t.published), 0)::bigint AS published,
           coalesce(sum(t.failed), 0)::bigint AS failed, coalesce(sum(t.unconfirmed), 0)::bigint AS unconfirmed,
           coalesce(sum(t.canceled), 0)::bigint AS canceled, max(p.created_at) AS last_post_at
    FROM crier.post p
    LEFT JOIN targets t ON t.post_id = p.id
    WHERE p.workspace_id = p_workspace_id AND p.author_id IS NOT NULL AND p.deleted_at IS NULL
    GROUP BY p.author_id
), gone AS (
    DELETE FROM crier.user_statistic s
    WHERE s.workspace_id = p_workspace_id AND NOT EXISTS (SELECT FROM figures f WHERE f.user_id = s.user_id)
)
INSERT INTO crier.user_statistic AS s (workspace_id, user_id, posts, drafts, scheduled, published, failed, unconfirmed, canceled,
                                       last_post_at)
SELECT p_workspace_id, f.user_id, f.posts, f.drafts, f.scheduled, f.published, f.failed, f.unconfirmed, f.canceled, f.last_post_at
FROM figures f
ON CONFLICT (workspace_id, user_id) DO UPDATE
SET posts = excluded.posts, drafts = excluded.drafts, scheduled = excluded.scheduled, published = excluded.published,
    failed = excluded.failed, unconfirmed = excluded.unconfirmed, canceled = excluded.canceled, last_post_at = excluded.last_post_at
WHERE (s.posts, s.drafts, s.scheduled, s.published, s.failed, s.unconfirmed, s.canceled, s.last_post_at)
      IS DISTINCT FROM (excluded.posts, excluded.drafts, excluded.scheduled, excluded.published, excluded.failed,
                        excluded.unconfirmed, excluded.canceled, excluded.last_post_at)
$fn$;

-- Goes through the workspaces, p_batch at a time, and works out those in which something has happened. A round begins anew once it has
-- come to its end. {"workspaces": looked at, "refreshed": n, "more": …} or {"busy": true}.
CREATE FUNCTION refresh_user_statistics_cache(p_batch integer DEFAULT 1000, p_max_ms integer DEFAULT 1000) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' SET enable_seqscan = off SET jit = off
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    last uuid;
    seen bigint;
    page uuid[];
    busy uuid[];
    workspace uuid;
    looked bigint := 0;
    refreshed bigint := 0;
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 10000);
    IF NOT crier.begin_task('refresh_user_statistics_cache', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    PERFORM crier.require_table('user_statistic');
    SELECT (l.goes_on ->> 'after')::uuid INTO last FROM crier.maintenance_lock l WHERE l.task = 'refresh_user_statistics_cache';
    LOOP
        page := ARRAY(SELECT w.id FROM crier.workspace w
                      WHERE w.id > coalesce(last, '00000000-0000-0000-0000-000000000000') ORDER BY w.id LIMIT p_batch);
        seen := cardinality(page);
        -- what began before the last time may have been committed after it
        busy := ARRAY(
            SELECT p.id
            FROM unnest(page) AS p (id)
            LEFT JOIN crier.user_statistic_refresh r ON r.workspace_id = p.id
            CROSS JOIN LATERAL (SELECT crier.first_id(coalesce(r.refreshed_at, '-infinity') - interval '10 minutes') AS id) since
            WHERE EXISTS (SELECT FROM crier.post q WHERE q.workspace_id = p.id AND q.id >= since.id)
               OR EXISTS (SELECT FROM crier.event e WHERE e.workspace_id = p.id AND e.id >= since.id)
            ORDER BY p.id);
        FOREACH workspace IN ARRAY busy LOOP
            INSERT INTO crier.user_statistic_refresh (workspace_id, refreshed_at) VALUES (workspace, clock_timestamp())
            ON CONFLICT (workspace_id) DO UPDATE SET refreshed_at = excluded.refreshed_at;
            PERFORM crier.refresh_user_statistics_of(workspace);
            refreshed := refreshed + 1;
            last := workspace;
            IF crier.ms_since(began) > p_max_ms THEN
                UPDATE crier.maintenance_lock SET goes_on = jsonb_build_object('after', last)
                WHERE task = 'refresh_user_statistics_cache';
                RETURN jsonb_build_object('workspaces', looked + coalesce(array_position(page, last), 0), 'refreshed', refreshed, 'more', true);
            END IF;
        END LOOP;
        looked := looked + seen;
        last := page[seen];
        IF seen < p_batch THEN
            UPDATE crier.maintenance_lock SET goes_on = NULL WHERE task = 'refresh_user_statistics_cache' AND goes_on IS NOT NULL;
            RETURN jsonb_build_object('workspaces', looked, 'refreshed', refreshed);
        END IF;
    END LOOP;
END
$fn$;
