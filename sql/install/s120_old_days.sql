-- Old days of the queue's log go as a whole. What must stay of a day (jobs that are not finished, dead letters, jobs that
-- finished lately) moves to the default partition in the same transaction, with its ids: a job is found by its id
-- wherever it is. So everybody sees either the day or what stayed of it.

-- Locks tables, all of them within a time that nobody notices, or none.
CREATE FUNCTION lock_tables(p_tables text[], p_mode text, p_within_ms integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '10ms'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    rest integer;
    t text;
BEGIN
    FOREACH t IN ARRAY p_tables LOOP
        -- Whoever comes meanwhile waits behind us, so it is the sum of the waits that counts.
        rest := p_within_ms - crier.ms_since(began);
        IF rest < 1 THEN
            RAISE EXCEPTION 'tables are in use' USING ERRCODE = 'lock_not_available';
        END IF;
        PERFORM set_config('lock_timeout', rest || 'ms', true);
        EXECUTE format('LOCK TABLE ONLY crier.%I IN %s MODE', t, p_mode);
    END LOOP;
END
$fn$;

-- Whether somebody holds a lock for longer than a moment that a lock of this mode would wait for.
CREATE FUNCTION are_held(p_tables text[], p_mode text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
DECLARE
    harmless text[] := CASE p_mode WHEN 'SHARE' THEN '{AccessShareLock, RowShareLock, ShareLock}' ELSE '{}' END;
    relations oid[] := ARRAY(SELECT to_regclass(format('crier.%I', t))::oid FROM unnest(p_tables) AS t);
    holders text[];
BEGIN
    FOR look IN 1..2 LOOP
        holders := ARRAY(
            SELECT l.virtualtransaction FROM pg_locks l
            WHERE l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND l.relation = ANY (relations) AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
              AND l.mode <> ALL (harmless) AND (look = 1 OR l.virtualtransaction = ANY (holders)));
        EXIT WHEN cardinality(holders) = 0;
        PERFORM pg_sleep(CASE look WHEN 1 THEN 0.005 ELSE 0 END);
    END LOOP;
    RETURN cardinality(holders) > 0;
EXCEPTION WHEN insufficient_privilege THEN
    -- who can't look tries
    RETURN false;
END
$fn$;

-- Tries that for a second or two. Whoever comes while we wait for a lock waits behind us: so it waits for transactions of a
-- moment only, and lets longer ones end first.
CREATE FUNCTION lock_tables_patiently(p_tables text[], p_mode text DEFAULT 'ACCESS EXCLUSIVE') RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    FOR attempt IN 1..25 LOOP
        IF NOT crier.are_held(p_tables, p_mode) THEN
            BEGIN
                PERFORM crier.lock_tables(p_tables, p_mode, 10);
                RETURN true;
            EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
                -- those who waited behind us go first
                NULL;
            END;
        END IF;
        PERFORM pg_sleep(0.02 + random() * 0.05);
    END LOOP;
    RETURN false;
END
$fn$;

-- Whether no transaction has rows in a table that it has not committed yet. A job is added to the day of its time, so that
-- for a day that is over none comes after them. The lock is given back: who works on the table is not kept waiting.
CREATE FUNCTION is_at_rest(p_table text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    IF NOT crier.lock_tables_patiently(ARRAY[p_table], 'SHARE') THEN
        RETURN false;
    END IF;
    RAISE EXCEPTION 'at rest' USING ERRCODE = 'raise_exception';
EXCEPTION WHEN raise_exception THEN
    RETURN true;
END
$fn$;

-- Whether a dead letter may go: it is too old, or it is a post's, an action's, an alert's or a webhook's, which nobody retries so late.
CREATE FUNCTION failed_may_go(p_job_id uuid, p_finished_at timestamptz, p_failed_before timestamptz, p_posts_before timestamptz)
RETURNS boolean
-- No settings of its own, so that it becomes part of the query; every name in it says where it is.
LANGUAGE sql STABLE
AS $fn$
SELECT coalesce(p_finished_at OPERATOR(pg_catalog.<) p_failed_before, false)
       OR (coalesce(p_finished_at OPERATOR(pg_catalog.<) p_posts_before, false)
           AND (EXISTS (SELECT FROM crier.post_target t WHERE t.job_id OPERATOR(pg_catalog.=) p_job_id)
                OR EXISTS (SELECT FROM crier.account_action a WHERE a.job_id OPERATOR(pg_catalog.=) p_job_id)
                OR EXISTS (SELECT FROM crier.job j WHERE j.id OPERATOR(pg_catalog.=) p_job_id
                                                     AND (j.kind OPERATOR(pg_catalog.=) 'deliver_alert'
                                                          OR j.kind OPERATOR(pg_catalog.=) 'process_webhook'))))
$fn$;

-- Drops one day of the log. Answers {"dropped": "20261117", "carried": 12}; or {"crowded": …}: too much of it must stay,
-- and cleanup_finished_jobs empties it row by row; or {"locked": …}: it is in use.
CREATE FUNCTION drop_day(p_day text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '50ms'
AS $fn$
DECLARE
    -- Moved while everybody waits, so few: about 10 ms for a thousand.
    max_carried CONSTANT integer := 1000;
    -- Attaching a new day looks at every row of the default partition: about 20 ms for so many.
    max_kept CONSTANT integer := 100000;
    log CONSTANT text[] := ARRAY['job', 'job_outcome', 'job_retry', 'job_progress'];
    days text[] := ARRAY['job_' || p_day, 'job_outcome_' || p_day, 'job_retry_' || p_day, 'job_progress_' || p_day];
    stay uuid[];
    kept bigint;
    t text;
BEGIN
    SELECT count(*) INTO kept FROM (SELECT FROM crier.job_default LIMIT max_kept) AS d;
    IF kept = max_kept THEN
        RETURN jsonb_build_object('crowded', p_day);
    ELSIF NOT crier.is_at_rest('job_' || p_day) THEN
        RETURN jsonb_build_object('locked', p_day);
    END IF;
    BEGIN
        -- What stays can only become less: a job that ends now has just ended, one that lives again was a dead letter.
        EXECUTE format(
            'SELECT ARRAY(SELECT o.id FROM crier.%2$I o WHERE o.state = ''failed'' '
            '                 AND NOT crier.failed_may_go(o.id, o.finished_at, $2, $3) '
            '             UNION ALL SELECT o.id FROM crier.%2$I o WHERE o.state <> ''failed'' AND o.finished_at >= $1 '
            '             UNION ALL SELECT j.id FROM crier.%1$I j '
            '                 WHERE NOT EXISTS (SELECT FROM crier.%2$I o WHERE o.id = j.id) '
            '             LIMIT $4)', days[1], days[2])
            INTO stay
            USING crier.too_old('keep_finished_jobs'), crier.too_old('keep_failed_jobs'), crier.too_old('keep_failed_posts'),
                  max_carried + 1;
        IF cardinality(stay) > max_carried THEN
            RETURN jsonb_build_object('crowded', p_day);
        END IF;
        -- The parents last: who waits for one of them makes everybody wait.
        IF NOT crier.lock_tables_patiently(days || ARRAY(SELECT l || '_default' FROM unnest(log) AS l) || log) THEN
            RAISE EXCEPTION 'locked' USING ERRCODE = 'lock_not_available';
        END IF;
        FOREACH t IN ARRAY log LOOP
            EXECUTE format('ALTER TABLE crier.%I DETACH PARTITION crier.%I', t, t || '_' || p_day);
        END LOOP;
        FOREACH t IN ARRAY log LOOP
            IF cardinality(stay) > 0 THEN
                EXECUTE format('INSERT INTO crier.%I SELECT * FROM crier.%I WHERE id = ANY ($1)', t, t || '_' || p_day)
                    USING stay;
            END IF;
            EXECUTE format('DROP TABLE crier.%I', t || '_' || p_day);
        END LOOP;
    EXCEPTION
        WHEN lock_not_available OR deadlock_detected THEN
            RETURN jsonb_build_object('locked', p_day);
    END;
    RETURN jsonb_build_object('dropped', p_day, 'carried', cardinality(stay));
END
$fn$;

-- The days that a table of the log has, the oldest first.
CREATE FUNCTION days_of(p_parent text) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT right(c.relname, 8)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass(format('crier.%I', p_parent)) AND c.relname ~ ('^' || p_parent || '_[0-9]{8}$')
ORDER BY c.relname
$fn$;

-- Drops the oldest day that is over for longer than its jobs are kept: one a call, because the locks are held until the
-- transaction ends. Answers what drop_day answers, and "more": whether to call again at once.
CREATE FUNCTION drop_old_days(p_max_ms integer DEFAULT 1000) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    crowded text[] := '{}';
    old text[];
    claims text[];
    day text;
    parent text;
    did jsonb;
BEGIN
    IF NOT crier.begin_task('drop_old_days', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    -- Whole days only: one is over when the last of its jobs is old enough.
    old := ARRAY(SELECT d FROM crier.days_of('job') AS d WHERE d < to_char(crier.too_old('keep_finished_jobs'), 'YYYYMMDD'));
    -- A claim counts for 26 hours; then it only tells who had a job.
    -- What was used of limits counts for 31 days at most. Lines of a job's log go by their own age.
    claims := ARRAY(SELECT 'job_claim_' || d FROM crier.days_of('job_claim') AS d
                    WHERE d < to_char(least(crier.too_old('keep_claims'), clock_timestamp() - interval '2 days'), 'YYYYMMDD')
                    UNION ALL
                    SELECT 'limit_use_' || d FROM crier.days_of('limit_use') AS d
                    WHERE d < to_char(clock_timestamp() - interval '32 days', 'YYYYMMDD')
                    UNION ALL
                    SELECT 'job_log_' || d FROM crier.days_of('job_log') AS d
                    WHERE d < to_char(crier.too_old('keep_job_log'), 'YYYYMMDD'));
    FOREACH day IN ARRAY old LOOP
        -- Crowded days are soon small, so that the next run gets farther.
        EXIT WHEN crier.ms_since(began) > p_max_ms;
        did := crier.drop_day(day);
        IF did ? 'dropped' THEN
            RETURN did || jsonb_build_object('more', day <> old[cardinality(old)] OR cardinality(claims) > 0);
        ELSIF did ? 'locked' THEN
            RETURN did;
        END IF;
        crowded := crowded || day;
    END LOOP;
    IF cardinality(claims) > 0 THEN
        day := claims[1];
        parent := left(day, -9);
        BEGIN
            IF NOT crier.lock_tables_patiently(ARRAY[day, parent || '_default', parent]) THEN
                RETURN jsonb_build_object('locked', day);
            END IF;
            EXECUTE format('ALTER TABLE crier.%I DETACH PARTITION crier.%I', parent, day);
            EXECUTE format('DROP TABLE crier.%I', day);
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            RETURN jsonb_build_object('locked', day);
        END;
        RETURN jsonb_build_object('dropped_claims', day, 'more', cardinality(claims) > 1);
    END IF;
    RETURN CASE WHEN cardinality(crowded) > 0 THEN jsonb_build_object('crowded', crowded) ELSE '{}' END;
END
$fn$;
