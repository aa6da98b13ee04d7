-- What is cleaned up row by row: in batches, for a limited time, by one session at a time. Each answers with JSON that says
-- how many; "more": there is more to do, "busy": another session is at it.

-- Keeps the day of a place (or the default partition) from being dropped until the transaction ends; false: it is gone.
CREATE FUNCTION hold_place(p_place text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    EXECUTE format('LOCK TABLE ONLY crier.%I IN ROW EXCLUSIVE MODE', 'job_outcome_' || p_place);
    RETURN true;
EXCEPTION WHEN undefined_table THEN
    RETURN false;
END
$fn$;

-- Finished jobs that are too old, in the default partition and in days that ended more than p_grace before the last one
-- that is kept: until then crier.drop_old_days has time to drop them whole, which costs nothing. Batch after batch without a
-- pause writes so much WAL that every commit waits for it: maintenance deletes few at a time and rests in between.
CREATE FUNCTION cleanup_finished_jobs(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000,
                                      p_grace interval DEFAULT '2 days', p_pause_ms integer DEFAULT 0) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET lock_timeout = '1s'
-- A batch costs what it deletes, whatever the statistics say of a table that is being emptied.
SET enable_seqscan = off SET jit = off
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
    PERFORM crier.require_between('p_pause_ms', p_pause_ms, 0, 10000);
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
        -- crier.drop_old_days may have been there since the days were listed
        CONTINUE WHEN NOT crier.hold_place(place);
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
            PERFORM pg_sleep(p_pause_ms / 1000.0);
        END LOOP;
    END LOOP;
    RETURN jsonb_build_object('deleted', deleted);
END
$fn$;

-- One page of what jobs left behind, of one kind: how many rows were looked at, how many of them went, and the last one,
-- from which the next page goes on. p_after: null begins.

-- Dedupe keys of jobs that have ended or are gone. A key that was given to another job meanwhile is that job's: hence the
-- comparison with the job it was seen with.
CREATE FUNCTION clean_page_of_keys(p_after jsonb, p_batch integer, OUT seen bigint, OUT gone bigint, OUT last jsonb)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    WITH looked AS MATERIALIZED (
        SELECT k.workspace_id, k.kind, k.dedupe_key, k.job_id FROM crier.job_key k
        WHERE (k.workspace_id, k.kind, k.dedupe_key)
              > (coalesce((p_after ->> 'workspace_id')::uuid, '00000000-0000-0000-0000-000000000000'),
                 coalesce(p_after ->> 'kind', ''), coalesce(p_after ->> 'dedupe_key', ''))
        ORDER BY k.workspace_id, k.kind, k.dedupe_key LIMIT p_batch
    ), free AS MATERIALIZED (
        SELECT k.workspace_id, k.kind, k.dedupe_key, k.job_id
        FROM looked s JOIN crier.job_key k USING (workspace_id, kind, dedupe_key)
        WHERE k.job_id = s.job_id
          AND (EXISTS (SELECT FROM crier.job_outcome o WHERE o.id = s.job_id)
               OR NOT EXISTS (SELECT FROM crier.job j WHERE j.id = s.job_id))
        FOR UPDATE OF k SKIP LOCKED
    ), deleted AS (
        DELETE FROM crier.job_key k USING free f
        WHERE k.workspace_id = f.workspace_id AND k.kind = f.kind AND k.dedupe_key = f.dedupe_key AND k.job_id = f.job_id
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM looked), (SELECT count(*) FROM deleted),
           (SELECT to_jsonb(s) FROM looked s ORDER BY s.workspace_id DESC, s.kind DESC, s.dedupe_key DESC LIMIT 1)
    INTO seen, gone, last;
END
$fn$;

-- Times of far jobs that are over: a job that lives again is noted for a later one. What is over and not finished may not
-- have been read into memory yet, and stays.
CREATE FUNCTION clean_page_of_times(p_after jsonb, p_batch integer, OUT seen bigint, OUT gone bigint, OUT last jsonb)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    WITH looked AS MATERIALIZED (
        SELECT s.run_at, s.id FROM crier.job_scheduled s
        WHERE (s.run_at, s.id) > (coalesce((p_after ->> 'run_at')::timestamptz, '-infinity'),
                                  coalesce((p_after ->> 'id')::uuid, '00000000-0000-0000-0000-000000000000'))
          AND s.run_at < clock_timestamp() - interval '1 hour'
        ORDER BY s.run_at, s.id LIMIT p_batch
    ), deleted AS (
        DELETE FROM crier.job_scheduled s USING looked l
        WHERE s.run_at = l.run_at AND s.id = l.id
          AND (EXISTS (SELECT FROM crier.job_outcome o WHERE o.id = l.id)
               OR NOT EXISTS (SELECT FROM crier.job j WHERE j.id = l.id))
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM looked), (SELECT count(*) FROM deleted),
           (SELECT to_jsonb(s) FROM looked s ORDER BY s.run_at DESC, s.id DESC LIMIT 1)
    INTO seen, gone, last;
END
$fn$;

-- Progress of jobs that are gone.
CREATE FUNCTION clean_page_of_progress(p_after jsonb, p_batch integer, OUT seen bigint, OUT gone bigint, OUT last jsonb)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    WITH looked AS MATERIALIZED (
        SELECT p.id FROM crier.job_progress p
        WHERE p.id > coalesce((p_after ->> 'id')::uuid, '00000000-0000-0000-0000-000000000000')
        ORDER BY p.id LIMIT p_batch
    ), deleted AS (
        DELETE FROM crier.job_progress p USING looked l
        WHERE p.id = l.id AND NOT EXISTS (SELECT FROM crier.job j WHERE j.id = l.id)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM looked), (SELECT count(*) FROM deleted),
           (SELECT to_jsonb(s) FROM looked s ORDER BY s.id DESC LIMIT 1)
    INTO seen, gone, last;
END
$fn$;

-- What jobs that have ended, or are gone, left behind: dedupe keys, times of far jobs, progress. And blocks that are over. It
-- has to look at all of them: where its time is up it notes the place, and the next call goes on there.
CREATE FUNCTION cleanup_leftovers(p_batch integer DEFAULT 5000, p_max_ms integer DEFAULT 1000, p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' SET timezone = 'UTC' SET datestyle = 'ISO'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    did jsonb := '{"keys": 0, "times": 0, "progress": 0}';
    place jsonb;
    part text;
    after jsonb;
    page record;
    blocks bigint;
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 100000);
    PERFORM crier.require_between('p_pause_ms', p_pause_ms, 0, 10000);
    IF NOT crier.begin_task('cleanup_leftovers', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    SELECT goes_on INTO place FROM crier.maintenance_lock WHERE task = 'cleanup_leftovers';
    part := coalesce(place ->> 'part', 'keys');
    after := place -> 'after';
    LOOP
        CASE part
            WHEN 'keys' THEN SELECT * INTO page FROM crier.clean_page_of_keys(after, p_batch);
            WHEN 'times' THEN SELECT * INTO page FROM crier.clean_page_of_times(after, p_batch);
            WHEN 'progress' THEN SELECT * INTO page FROM crier.clean_page_of_progress(after, p_batch);
        END CASE;
        did := did || jsonb_build_object(part, (did -> part)::bigint + page.gone);
        after := page.last;
        IF page.seen < p_batch THEN
            part := CASE part WHEN 'keys' THEN 'times' WHEN 'times' THEN 'progress' END;
            after := NULL;
        END IF;
        EXIT WHEN part IS NULL OR crier.ms_since(began) > p_max_ms;
        PERFORM pg_sleep(p_pause_ms / 1000.0);
    END LOOP;
    UPDATE crier.maintenance_lock SET goes_on = jsonb_build_object('part', part, 'after', after)
    WHERE task = 'cleanup_leftovers' AND (part IS NOT NULL OR goes_on IS NOT NULL);
    DELETE FROM crier.limit_block WHERE until < clock_timestamp() - interval '1 day';
    GET DIAGNOSTICS blocks = ROW_COUNT;
    RETURN did || jsonb_build_object('blocks', blocks)
           || CASE WHEN part IS NULL THEN '{}' ELSE '{"more": true}' END::jsonb;
END
$fn$;

-- Rows of one table that are older than a setting says, by an index on their time.
CREATE FUNCTION cleanup_by_age(p_task text, p_table name, p_column name, p_setting text, p_batch integer, p_max_ms integer,
                               p_pause_ms integer)
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
    PERFORM crier.require_between('p_pause_ms', p_pause_ms, 0, 10000);
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
        PERFORM pg_sleep(p_pause_ms / 1000.0);
    END LOOP;
END
$fn$;

CREATE FUNCTION cleanup_old_events(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000, p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT crier.cleanup_by_age('cleanup_old_events', 'event', 'created_at', 'keep_events', p_batch, p_max_ms, p_pause_ms)
$fn$;

-- Those that are not finished have no time.
CREATE FUNCTION cleanup_old_actions(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000, p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT crier.cleanup_by_age('cleanup_old_actions', 'account_action', 'finished_at', 'keep_actions', p_batch, p_max_ms, p_pause_ms)
$fn$;

-- What was received, the events that tell of it, because they say the same, and then what tells a repeated one: that is kept
-- as long at least.
CREATE FUNCTION cleanup_old_webhook_events(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000,
                                           p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    webhooks jsonb;
    deliveries jsonb;
    events bigint := 0;
    n bigint;
BEGIN
    webhooks := crier.cleanup_by_age('cleanup_old_webhook_events', 'webhook_event', 'received_at', 'keep_webhook_events', p_batch,
                                   p_max_ms, p_pause_ms);
    IF webhooks ?| '{busy, more}' THEN
        RETURN webhooks;
    END IF;
    LOOP
        DELETE FROM crier.event WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM crier.event
            WHERE kind = 'webhook_received' AND created_at < crier.too_old('keep_webhook_events')
            ORDER BY created_at LIMIT p_batch FOR UPDATE SKIP LOCKED));
        GET DIAGNOSTICS n = ROW_COUNT;
        events := events + n;
        EXIT WHEN n < p_batch;
        IF crier.ms_since(began) > p_max_ms THEN
            RETURN webhooks || jsonb_build_object('events', events, 'more', true);
        END IF;
        PERFORM pg_sleep(p_pause_ms / 1000.0);
    END LOOP;
    deliveries := crier.cleanup_by_age('cleanup_old_webhook_events', 'webhook_delivery', 'received_at', 'keep_webhook_events',
                                       p_batch, p_max_ms, p_pause_ms);
    RETURN deliveries || jsonb_build_object('deleted', (webhooks ->> 'deleted')::bigint + (deliveries ->> 'deleted')::bigint,
                                            'events', events);
END
$fn$;

CREATE FUNCTION cleanup_maintenance_log(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000,
                                        p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT crier.cleanup_by_age('cleanup_maintenance_log', 'maintenance_run', 'started_at', 'keep_maintenance_log', p_batch, p_max_ms,
                            p_pause_ms)
$fn$;

-- Runs dead letters again whose last error was a passing one: the platform was down longer than the attempts lasted. Jobs of
-- posts and actions are left alone: people try posts again, with crier.retry_jobs.
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
              AND NOT EXISTS (SELECT FROM crier.account_action a WHERE a.job_id = o.id)
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
