-- What is cleaned up row by row: in batches, for a limited time, by one session at a time. Each answers with JSON that says
-- how many; "more": there is more to do, "busy": another session is at it.

-- Finished jobs that are too old, in the default partition and in days that ended more than p_grace before the last one
-- that is kept: until then crier.drop_old_days has time to drop them whole, which costs nothing.
CREATE FUNCTION cleanup_finished_jobs(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000,
                                      p_grace interval DEFAULT '2 days') RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET lock_timeout = '1s'
-- A batch costs what it deletes, whatever the statistics say of a table that is being emptied.
SET enable_seqscan = off
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    finished_before timestamptz;
    failed_before timestamptz;
    posts_before timestamptz;
    deleted bigint := 0;
    place text;
    last uuid;
    old uuid[];
    gone uuid[];
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 100000);
    IF p_grace IS NULL OR p_grace < '0' THEN
        RAISE EXCEPTION 'p_grace must be an interval that is not negative'
            USING ERRCODE = CASE WHEN p_grace IS NULL THEN '22004' ELSE '22023' END,
                  DETAIL = CASE WHEN p_grace IS NULL THEN 'null_argument' ELSE 'invalid_argument' END,
                  HINT = 'Give for instance ''2 days''.';
    ELSIF NOT crier.begin_task('cleanup_finished_jobs', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    finished_before := crier.too_old('keep_finished_jobs');
    failed_before := crier.too_old('keep_failed_jobs');
    posts_before := crier.too_old('keep_failed_posts');
    FOR place IN
        SELECT 'default'
        UNION ALL
        SELECT d FROM crier.days_of('job') AS d WHERE d < to_char(finished_before - p_grace, 'YYYYMMDD')
    LOOP
        last := '00000000-0000-0000-0000-000000000000';
        LOOP
            EXECUTE format(
                'SELECT ARRAY(SELECT o.id FROM crier.%I o '
                -- nothing younger can have ended so long ago
                '             WHERE o.id > $1 AND o.id < $2 '
                '               AND CASE WHEN o.state = ''failed'' THEN crier.failed_may_go(o.id, o.finished_at, $4, $5) '
                '                        ELSE o.finished_at < $3 END '
                '             ORDER BY o.id LIMIT $6)', 'job_outcome_' || place)
                INTO old
                USING last, crier.first_id(greatest(finished_before, failed_before, posts_before)), finished_before,
                      failed_before, posts_before, p_batch;
            EXIT WHEN cardinality(old) = 0;
            -- A dead letter that is brought back to life meanwhile has no outcome any more, and keeps the rest.
            EXECUTE format('WITH gone AS (DELETE FROM crier.%I WHERE id = ANY ($1) RETURNING id) SELECT array_agg(id) FROM gone',
                           'job_outcome_' || place) INTO gone USING old;
            EXECUTE format('DELETE FROM crier.%I WHERE id = ANY ($1)', 'job_retry_' || place) USING gone;
            EXECUTE format('DELETE FROM crier.%I WHERE id = ANY ($1)', 'job_progress_' || place) USING gone;
            EXECUTE format('DELETE FROM crier.%I WHERE id = ANY ($1)', 'job_' || place) USING gone;
            deleted := deleted + coalesce(cardinality(gone), 0);
            last := old[cardinality(old)];
            -- Not before something was done: otherwise the last places would never be reached.
            IF crier.ms_since(began) > p_max_ms THEN
                RETURN jsonb_build_object('deleted', deleted, 'more', true);
            END IF;
            EXIT WHEN cardinality(old) < p_batch;
        END LOOP;
    END LOOP;
    RETURN jsonb_build_object('deleted', deleted);
END
$fn$;

-- What jobs that have ended, or are gone, left behind: dedupe keys, times of far jobs, progress. And blocks that are over.
CREATE FUNCTION cleanup_leftovers(p_batch integer DEFAULT 5000, p_max_ms integer DEFAULT 1000) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    keys bigint := 0;
    blocks bigint;
    times bigint := 0;
    progress bigint := 0;
    page record;
    key record;
    at timestamptz := '-infinity';
    last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 100000);
    IF NOT crier.begin_task('cleanup_leftovers', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    SELECT '00000000-0000-0000-0000-000000000000'::uuid AS w, '' AS k, '' AS d INTO key;
    -- A key that was given to another job meanwhile is that job's: hence the comparison with the job it was seen with.
    LOOP
        WITH seen AS MATERIALIZED (
            SELECT k.workspace_id, k.kind, k.dedupe_key, k.job_id FROM crier.job_key k
            WHERE (k.workspace_id, k.kind, k.dedupe_key) > (key.w, key.k, key.d)
            ORDER BY k.workspace_id, k.kind, k.dedupe_key LIMIT p_batch
        ), gone AS MATERIALIZED (
            SELECT k.workspace_id, k.kind, k.dedupe_key, k.job_id
            FROM seen s JOIN crier.job_key k USING (workspace_id, kind, dedupe_key)
            WHERE k.job_id = s.job_id
              AND (EXISTS (SELECT FROM crier.job_outcome o WHERE o.id = s.job_id)
                   OR NOT EXISTS (SELECT FROM crier.job j WHERE j.id = s.job_id))
            FOR UPDATE OF k SKIP LOCKED
        ), deleted AS (
            DELETE FROM crier.job_key k USING gone g
            WHERE k.workspace_id = g.workspace_id AND k.kind = g.kind AND k.dedupe_key = g.dedupe_key AND k.job_id = g.job_id
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM seen) AS n, (SELECT count(*) FROM deleted) AS deleted, l.workspace_id AS w, l.kind AS k,
               l.dedupe_key AS d
        INTO page
        FROM (SELECT) AS one LEFT JOIN LATERAL
             (SELECT * FROM seen ORDER BY workspace_id DESC, kind DESC, dedupe_key DESC LIMIT 1) AS l ON true;
        keys := keys + page.deleted;
        EXIT WHEN page.n < p_batch OR crier.ms_since(began) > p_max_ms;
        SELECT page.w AS w, page.k AS k, page.d AS d INTO key;
    END LOOP;
    -- Only times that are over: a job that lives again is noted for a later one. What is over and not finished may not have
    -- been read into memory yet, and stays.
    LOOP
        WITH seen AS MATERIALIZED (
            SELECT s.run_at, s.id FROM crier.job_scheduled s
            WHERE (s.run_at, s.id) > (at, last) AND s.run_at < clock_timestamp() - interval '1 hour'
            ORDER BY s.run_at, s.id LIMIT p_batch
        ), deleted AS (
            DELETE FROM crier.job_scheduled s USING seen
            WHERE s.run_at = seen.run_at AND s.id = seen.id
              AND (EXISTS (SELECT FROM crier.job_outcome o WHERE o.id = seen.id)
                   OR NOT EXISTS (SELECT FROM crier.job j WHERE j.id = seen.id))
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM seen) AS n, (SELECT count(*) FROM deleted) AS deleted, l.run_at, l.id
        INTO page
        FROM (SELECT) AS one LEFT JOIN LATERAL (SELECT * FROM seen ORDER BY run_at DESC, id DESC LIMIT 1) AS l ON true;
        times := times + page.deleted;
        EXIT WHEN page.n < p_batch OR crier.ms_since(began) > p_max_ms;
        at := page.run_at;
        last := page.id;
    END LOOP;
    last := '00000000-0000-0000-0000-000000000000';
    LOOP
        WITH seen AS MATERIALIZED (
            SELECT p.id FROM crier.job_progress p WHERE p.id > last ORDER BY p.id LIMIT p_batch
        ), deleted AS (
            DELETE FROM crier.job_progress p USING seen
            WHERE p.id = seen.id AND NOT EXISTS (SELECT FROM crier.job j WHERE j.id = seen.id)
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM seen) AS n, (SELECT count(*) FROM deleted) AS deleted, l.id
        INTO page
        FROM (SELECT) AS one LEFT JOIN LATERAL (SELECT * FROM seen ORDER BY id DESC LIMIT 1) AS l ON true;
        progress := progress + page.deleted;
        EXIT WHEN page.n < p_batch OR crier.ms_since(began) > p_max_ms;
        last := page.id;
    END LOOP;
    DELETE FROM crier.limit_block WHERE until < clock_timestamp() - interval '1 day';
    GET DIAGNOSTICS blocks = ROW_COUNT;
    RETURN jsonb_build_object('keys', keys, 'blocks', blocks, 'times', times, 'progress', progress)
           || CASE WHEN crier.ms_since(began) > p_max_ms THEN '{"more": true}' ELSE '{}' END::jsonb;
END
$fn$;

-- Rows of one table that are older than a setting says, by an index on their time.
CREATE FUNCTION cleanup_by_age(p_task text, p_table name, p_column name, p_setting text, p_batch integer, p_max_ms integer)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    deleted bigint := 0;
    n bigint;
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 100000);
    IF NOT crier.begin_task(p_task, p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    LOOP
        EXECUTE format('DELETE FROM crier.%1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM crier.%1$I WHERE %2$I < $1 '
                       'ORDER BY %2$I LIMIT $2 FOR UPDATE SKIP LOCKED))', p_table, p_column)
            USING crier.too_old(p_setting), p_batch;
        GET DIAGNOSTICS n = ROW_COUNT;
        deleted := deleted + n;
        IF n < p_batch THEN
            RETURN jsonb_build_object('deleted', deleted);
        ELSIF crier.ms_since(began) > p_max_ms THEN
            RETURN jsonb_build_object('deleted', deleted, 'more', true);
        END IF;
    END LOOP;
END
$fn$;

CREATE FUNCTION cleanup_old_events(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT crier.cleanup_by_age('cleanup_old_events', 'event', 'created_at', 'keep_events', p_batch, p_max_ms)
$fn$;

CREATE FUNCTION cleanup_maintenance_log(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT crier.cleanup_by_age('cleanup_maintenance_log', 'maintenance_run', 'started_at', 'keep_maintenance_log', p_batch, p_max_ms)
$fn$;

-- Runs dead letters again whose last error was a passing one: the platform was down longer than the attempts lasted. Jobs of
-- posts are left alone, as crier.retry_jobs leaves them.
CREATE FUNCTION retry_failed_jobs(p_batch integer DEFAULT 1000, p_max_ms integer DEFAULT 1000) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    retried bigint := 0;
    ids uuid[];
    last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 10000);
    IF NOT crier.begin_task('retry_failed_jobs', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    LOOP
        ids := ARRAY(
            SELECT o.id
            FROM crier.job_outcome o JOIN crier.job j ON j.id = o.id
            WHERE o.state = 'failed' AND o.id > last AND o.error ->> 'class' IN ('transient', 'auth_expired')
              AND o.finished_at < crier.too_old('retry_failed_after')
              AND greatest(j.created_at, j.run_at) > crier.too_old('retry_failed_for')
              AND NOT EXISTS (SELECT FROM crier.post_target t WHERE t.job_id = o.id)
            ORDER BY o.id LIMIT p_batch);
        retried := retried + (SELECT count(*) FROM crier.retry_jobs(ids));
        IF cardinality(ids) < p_batch THEN
            RETURN jsonb_build_object('retried', retried);
        ELSIF crier.ms_since(began) > p_max_ms THEN
            RETURN jsonb_build_object('retried', retried, 'more', true);
        END IF;
        last := ids[p_batch];
    END LOOP;
END
$fn$;
