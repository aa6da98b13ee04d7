-- What is left of deleted workspaces goes, some at a time.

-- One page of a workspace's jobs, from behind an id on. Those that have not ended end; those whose end is summed up go, with all
-- that is said of them. looked: how many the page had.
CREATE FUNCTION purge_page_of_jobs(p_workspace_id uuid, p_after uuid, p_batch integer, OUT looked bigint, OUT gone bigint,
                                   OUT last uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $fn$
DECLARE
    ids uuid[];
    ended uuid[];
BEGIN
    ids := ARRAY(SELECT j.id FROM crier.job j WHERE j.workspace_id = p_workspace_id AND j.id > p_after ORDER BY j.id LIMIT p_batch);
    looked := cardinality(ids);
    last := ids[looked];
    gone := 0;
    BEGIN
        PERFORM crier.end_jobs(ids);
    EXCEPTION WHEN lock_not_available THEN
        -- a worker is answering for one of them: the next time
        NULL;
    END;
    -- the statistics count what ended before it is gone
    ended := ARRAY(SELECT o.id FROM unnest(ids) AS i (id) JOIN crier.job_outcome o ON o.id = i.id
                   WHERE o.finished_at < (SELECT s.closed_until FROM crier.stat_state s));
    DELETE FROM crier.job_outcome WHERE id = ANY (ended);
    DELETE FROM crier.job_retry WHERE id = ANY (ended);
    DELETE FROM crier.job_progress WHERE id = ANY (ended);
    DELETE FROM crier.job WHERE id = ANY (ended);
    GET DIAGNOSTICS gone = ROW_COUNT;
END
$fn$;

-- Rows of one table of a workspace. What refers to them goes with them.
CREATE FUNCTION purge_rows(p_workspace_id uuid, p_table name, p_batch integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $fn$
DECLARE
    gone bigint;
BEGIN
    EXECUTE format('DELETE FROM crier.%1$I WHERE workspace_id = $1 AND id = ANY (ARRAY('
                   'SELECT id FROM crier.%1$I WHERE workspace_id = $1 ORDER BY id LIMIT $2))', p_table)
        USING p_workspace_id, p_batch;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$fn$;

CREATE FUNCTION purge_workspaces(p_batch integer DEFAULT 1000, p_max_ms integer DEFAULT 1000, p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $fn$
DECLARE
    nothing CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    began timestamptz := clock_timestamp();
    workspace uuid;
    page record;
    last uuid;
    kept bigint;
    n bigint;
    step text;
    rows bigint := 0;
    done bigint := 0;
    waits boolean := false;
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 10000);
    PERFORM crier.require_between('p_pause_ms', p_pause_ms, 0, 10000);
    IF NOT crier.begin_task('purge_workspaces', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    FOR workspace IN SELECT w.id FROM crier.workspace w WHERE w.deleted_at IS NOT NULL ORDER BY w.deleted_at LIMIT 1000 LOOP
        -- one that was being connected when the workspace was deleted
        DELETE FROM crier.credential c WHERE c.workspace_id = workspace;
        -- Jobs first: as long as there are some, what they are about stays for them.
        last := nothing;
        kept := 0;
        LOOP
            SELECT * INTO page FROM crier.purge_page_of_jobs(workspace, last, p_batch);
            rows := rows + page.gone;
            kept := kept + page.looked - page.gone;
            last := page.last;
            EXIT WHEN page.looked < p_batch;
            IF crier.ms_since(began) > p_max_ms THEN
                RETURN jsonb_build_object('deleted', rows, 'workspaces', done, 'more', true);
            END IF;
            PERFORM pg_sleep(p_pause_ms / 1000.0);
        END LOOP;
        IF kept > 0 THEN
            waits := true;
            CONTINUE;
        END IF;
        DELETE FROM crier.pause p USING crier.social_account a
        WHERE a.workspace_id = workspace AND p.scope = 'account' AND p.name = a.id::text;
        -- posts before accounts: an account takes all its targets with it at once
        FOREACH step IN ARRAY ARRAY['schedule', 'post', 'account_action', 'event', 'webhook_event', 'job_log', 'analytics_delta', 'analytics_event',
                                 'analytics_hour', 'analytics_day', 'social_account'] LOOP
            LOOP
                n := CASE WHEN step IN ('analytics_hour', 'analytics_day') THEN crier.purge_sums(workspace, step, p_batch)
                          ELSE crier.purge_rows(workspace, step, p_batch) END;
                rows := rows + n;
                EXIT WHEN n < p_batch;
                IF crier.ms_since(began) > p_max_ms THEN
                    RETURN jsonb_build_object('deleted', rows, 'workspaces', done, 'more', true);
                END IF;
                PERFORM pg_sleep(p_pause_ms / 1000.0);
            END LOOP;
        END LOOP;
        DELETE FROM crier.response_cache c WHERE c.scope = 'workspace' AND c.owner_id = workspace;
        DELETE FROM crier.job_key k WHERE k.workspace_id = workspace;
        DELETE FROM crier.limit_block b WHERE b.workspace_id = workspace;
        DELETE FROM crier.pause p WHERE p.scope = 'workspace' AND p.name = workspace::text;
        DELETE FROM crier.workspace w WHERE w.id = workspace;
        done := done + 1;
        IF crier.ms_since(began) > p_max_ms THEN
            RETURN jsonb_build_object('deleted', rows, 'workspaces', done, 'more', true);
        END IF;
    END LOOP;
    RETURN jsonb_build_object('deleted', rows, 'workspaces', done) || CASE WHEN waits THEN '{"waits": true}' ELSE '{}' END::jsonb;
END
$fn$;
