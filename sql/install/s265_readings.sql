-- Has the figures of published posts read again and again, at longer and longer intervals: the times are in crier.metrics_plan. Each
-- of them walks once through what was published, by the events that tell of it, so that publishing itself pays nothing.

-- One page of what was published $after ago, from where the last page ended. A transaction that takes longer to publish than the
-- first of these times would be passed by; none does.
CREATE FUNCTION schedule_page_of_readings(p_after interval, p_batch integer, OUT looked bigint, OUT scheduled bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $fn$
DECLARE
    upto timestamptz := clock_timestamp() - p_after;
    place record;
    last_at timestamptz;
    last_id uuid;
    jobs jsonb;
BEGIN
    -- what was published before there was such a time is not made up for
    INSERT INTO crier.metrics_reading (after, read_at, event_id) VALUES (p_after, upto, '00000000-0000-0000-0000-000000000000')
    ON CONFLICT DO NOTHING;
    SELECT r.read_at, r.event_id INTO place FROM crier.metrics_reading r WHERE r.after = p_after;
    WITH page AS MATERIALIZED (
        SELECT e.created_at, e.id, e.workspace_id, e.target_id, e.kind
        FROM crier.event e
        WHERE e.created_at >= place.read_at AND e.created_at < upto AND (e.created_at, e.id) > (place.read_at, place.event_id)
        ORDER BY e.created_at, e.id
        LIMIT p_batch
    ), due AS (
        SELECT p.created_at, p.id,
               jsonb_build_object('kind', 'read_metrics', 'workspace_id', t.workspace_id, 'account_id', t.account_id,
                                  'params', jsonb_build_object('target_id', t.id), 'dedupe_key', t.id::text, 'priority', -50) AS job
        FROM page p
        JOIN crier.workspace w ON w.id = p.workspace_id AND w.reads_metrics AND w.deleted_at IS NULL
        CROSS JOIN LATERAL (
            SELECT q.* FROM crier.post_target q
            WHERE q.workspace_id = p.workspace_id AND q.id = p.target_id AND q.state = 'published' AND q.external_id IS NOT NULL
              AND q.deleted_at IS NULL AND q.external_id IS DISTINCT FROM q.platform_key
            LIMIT 1
        ) t
        JOIN crier.metrics_plan m ON m.platform = t.platform AND p_after = ANY (m.after)
        JOIN crier.social_account a ON a.workspace_id = t.workspace_id AND a.id = t.account_id AND a.status = 'active'
        WHERE p.kind = 'post_published'
    )
    SELECT (SELECT count(*) FROM page), coalesce((SELECT jsonb_agg(d.job ORDER BY d.created_at, d.id) FROM due d), '[]'),
           (SELECT max(p.created_at) FROM page p),
           (SELECT p.id FROM page p ORDER BY p.created_at DESC, p.id DESC LIMIT 1)
    INTO looked, jobs, last_at, last_id;
    SELECT count(*) INTO scheduled FROM crier.enqueue_many(jobs);
    UPDATE crier.metrics_reading r
    SET read_at = CASE WHEN looked < p_batch THEN upto ELSE last_at END,
        event_id = CASE WHEN looked < p_batch THEN '00000000-0000-0000-0000-000000000000' ELSE last_id END
    WHERE r.after = p_after;
END
$fn$;

CREATE FUNCTION schedule_readings(p_batch integer DEFAULT 1000, p_max_ms integer DEFAULT 1000) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    due interval;
    page record;
    scheduled bigint := 0;
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 10000);
    IF NOT crier.begin_task('schedule_readings', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    PERFORM crier.require_table('metrics_plan');
    -- a time that is asked for no more begins anew when it is
    DELETE FROM crier.metrics_reading r WHERE NOT EXISTS (SELECT FROM crier.metrics_plan p WHERE r.after = ANY (p.after));
    FOR due IN SELECT DISTINCT a FROM crier.metrics_plan p, unnest(p.after) AS a ORDER BY a LOOP
        LOOP
            SELECT * INTO page FROM crier.schedule_page_of_readings(due, p_batch);
            scheduled := scheduled + page.scheduled;
            IF crier.ms_since(began) > p_max_ms THEN
                RETURN jsonb_build_object('scheduled', scheduled, 'more', true);
            END IF;
            EXIT WHEN page.looked < p_batch;
        END LOOP;
    END LOOP;
    RETURN jsonb_build_object('scheduled', scheduled);
END
$fn$;
