-- What is due is done, by whoever comes first.

-- Looks for what somebody should know. "attention" names it; it is empty where all is well.
CREATE FUNCTION watch() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO'
AS $fn$
DECLARE
    first_day text := (SELECT min(d) FROM crier.days_of('job') AS d);
    ahead integer := (SELECT count(*) FROM crier.days_of('job') AS d WHERE d > to_char(current_date, 'YYYYMMDD'));
    kept bigint;
    stray bigint;
    stuck bigint := (SELECT count(*) FROM crier.stuck_jobs());
    bloated bigint := (SELECT count(*) FROM crier.reindex_due());
    attention text[] := '{}';
BEGIN
    -- Counts end where it no longer matters how many there are.
    SELECT count(*) INTO kept FROM (SELECT FROM crier.job_default d LIMIT 100000) AS k;
    SELECT count(*) INTO stray
    FROM (SELECT FROM crier.job_default d WHERE d.id >= coalesce(crier.first_id(first_day::date::timestamptz), '00000000-0000-0000-0000-000000000000') LIMIT 100000) AS s;
    IF stray > 0 THEN
        attention := attention || format('%s jobs are in the default partition because their day was not made ahead', stray);
    END IF;
    IF kept >= 100000 THEN
        attention := attention || 'the default partition is full of what old days left: retry or purge dead letters'::text;
    END IF;
    IF ahead < 2 THEN
        attention := attention || format('%s days are made ahead: something keeps crier.ensure_partitions() from it', ahead);
    END IF;
    IF stuck > 0 THEN
        attention := attention || format('%s jobs run for too long: see crier.stuck_jobs()', stuck);
    END IF;
    IF bloated > 0 THEN
        attention := attention || format('%s indexes are bloated: see crier.reindex_due()', bloated);
    END IF;
    RETURN jsonb_build_object('kept_in_default', kept, 'stray_in_default', stray, 'days_ahead', ahead, 'stuck', stuck,
                              'bloated_indexes', bloated, 'attention', to_jsonb(attention));
END
$fn$;

-- Does what is due, or the tasks named whether they are due or not, and notes each in crier.maintenance_log. One session
-- at a time; a task that fails is noted with its error and does not keep the next ones. It is one transaction: whatever
-- ends it early, the next run does the work. Locks are kept until it ends: so it ends after a change of the partitions.
CREATE FUNCTION run_maintenance(p_runner text DEFAULT 'somebody', p_tasks text[] DEFAULT NULL, p_max_ms integer DEFAULT 5000,
                                p_most integer DEFAULT 100)
RETURNS TABLE (task text, did jsonb, took interval, error text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
#variable_conflict use_column
DECLARE
    -- Deleted in a millisecond or two, with a pause of ten times that: up to 9,000 a second.
    few CONSTANT integer := 200;
    rest CONSTANT integer := 20;
    began timestamptz := clock_timestamp();
    mine boolean := crier.begin_task('run_maintenance', p_max_ms);
    unknown text;
    cron record;
    due record;
    at timestamptz;
    ms integer;
    said text;
    state text;
    partitions text[];
    made text[];
    ran integer := 0;
BEGIN
    PERFORM crier.require_between('p_most', p_most, 1, 100);
    IF p_runner IS NULL OR char_length(btrim(p_runner)) NOT BETWEEN 1 AND 100 THEN
        RAISE EXCEPTION 'p_runner must have 1 to 100 characters'
            USING ERRCODE = CASE WHEN p_runner IS NULL THEN '22004' ELSE '22023' END,
                  DETAIL = CASE WHEN p_runner IS NULL THEN 'null_argument' ELSE 'invalid_argument' END,
                  HINT = 'Say who runs it, for instance pg_cron.';
    END IF;
    SELECT coalesce(name, 'null') INTO unknown FROM unnest(p_tasks) AS name
    WHERE NOT EXISTS (SELECT FROM crier.maintenance_task t WHERE t.task = name);
    IF FOUND THEN
        RAISE EXCEPTION 'there is no task %', unknown
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument',
                  HINT = 'Give some of ' || (SELECT string_agg(t.task, ', ' ORDER BY t.place) FROM crier.maintenance_task t) || '.';
    END IF;
    IF NOT mine THEN
        RETURN QUERY SELECT 'run_maintenance', '{"busy": true}'::jsonb, clock_timestamp() - began, NULL::text;
        RETURN;
    END IF;
    -- The sidecar steps back where pg_cron does it, and where it is told to.
    IF p_runner = 'crierd' THEN
        SELECT s.value AS patience, r.last_run_at > clock_timestamp() - s.value AS lately INTO cron
        FROM crier.maintenance_setting s LEFT JOIN crier.maintenance_runner r ON r.runner = 'pg_cron'
        WHERE s.name = 'sidecar_waits_for_cron';
        IF cron.patience IS NULL OR cron.lately THEN
            RETURN QUERY SELECT 'run_maintenance',
                                jsonb_build_object('left_to', CASE WHEN cron.lately THEN 'pg_cron' ELSE 'somebody else' END),
                                clock_timestamp() - began, NULL::text;
            RETURN;
        END IF;
    END IF;
    INSERT INTO crier.maintenance_runner AS r (runner, last_run_at) VALUES (p_runner, clock_timestamp())
    ON CONFLICT (runner) DO UPDATE SET last_run_at = excluded.last_run_at;
    FOR due IN
        SELECT t.task, t.every FROM crier.maintenance_task t
        -- who comes every minute does not miss what is due every minute by a moment
        WHERE CASE WHEN p_tasks IS NULL THEN t.every IS NOT NULL AND t.due_at <= clock_timestamp() + interval '5 seconds'
                   ELSE t.task = ANY (p_tasks) END
        ORDER BY t.place
    LOOP
        ms := least(p_max_ms - crier.ms_since(began), 500)::integer;
        EXIT WHEN ms < 1 OR ran = p_most;
        ran := ran + 1;
        at := clock_timestamp();
        said := NULL;
        BEGIN
            CASE due.task
                WHEN 'expire_pending_jobs' THEN did := crier.expire_pending_jobs(p_max_ms => ms);
                WHEN 'retry_failed_jobs' THEN did := crier.retry_failed_jobs(p_max_ms => ms);
                WHEN 'cleanup_finished_jobs' THEN 
                    did := crier.cleanup_finished_jobs(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'cleanup_leftovers' THEN 
                    did := crier.cleanup_leftovers(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'cleanup_old_events' THEN 
                    did := crier.cleanup_old_events(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'cleanup_old_actions' THEN 
                    did := crier.cleanup_old_actions(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'purge_workspaces' THEN
                    did := crier.purge_workspaces(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'cleanup_expired_oauth_states_batch' THEN
                    did := crier.cleanup_expired_oauth_states_batch(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'cleanup_old_webhook_events' THEN
                    did := crier.cleanup_old_webhook_events(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'cleanup_old_analytics_events' THEN
                    did := crier.cleanup_old_analytics_events(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'refresh_user_statistics_cache' THEN did := crier.refresh_user_statistics_cache(p_max_ms => ms);
                WHEN 'cleanup_old_metrics' THEN
                    did := crier.cleanup_old_metrics(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'cleanup_expired_cache' THEN
                    did := crier.cleanup_expired_cache(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'cleanup_idempotency_keys' THEN
                    did := crier.cleanup_idempotency_keys(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'schedule_readings' THEN did := crier.schedule_readings(p_batch => few, p_max_ms => ms);
                WHEN 'roll_up_analytics' THEN did := crier.roll_up_analytics(p_max_ms => ms);
                WHEN 'cleanup_old_activity_logs' THEN
                    did := crier.cleanup_old_activity_logs(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'cleanup_maintenance_log' THEN 
                    did := crier.cleanup_maintenance_log(p_batch => few, p_max_ms => ms, p_pause_ms => rest);
                WHEN 'roll_up_statistics' THEN did := crier.roll_up_statistics();
                WHEN 'check_alerts' THEN did := crier.check_alerts(p_max_ms => ms);
                WHEN 'index_history' THEN
                    made := ARRAY(SELECT crier.index_history());
                    did := jsonb_build_object('made', made, 'more', cardinality(made) > 0);
                WHEN 'watch' THEN did := crier.watch();
                WHEN 'ensure_partitions' THEN
                    partitions := ARRAY(SELECT crier.ensure_partitions() UNION ALL SELECT crier.ensure_months());
                    did := jsonb_build_object('made', partitions);
                WHEN 'drop_old_days' THEN did := crier.drop_old_days(p_max_ms => ms);
            END CASE;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, state = RETURNED_SQLSTATE;
            said := state || ': ' || said;
            did := NULL;
        END;
        task := due.task;
        took := clock_timestamp() - at;
        error := said;
        INSERT INTO crier.maintenance_run (id, task, runner, started_at, took, did, error)
        VALUES (crier.new_id(), due.task, p_runner, at, clock_timestamp() - at, did, said);
        UPDATE crier.maintenance_task t
        SET last_run_at = at, last_error = said,
            due_at = clock_timestamp() + CASE
                WHEN did ->> 'more' = 'true' THEN interval '0'
                WHEN did ? 'busy' OR did ? 'locked' THEN interval '1 minute'
                ELSE coalesce(due.every, interval '1 minute')
            END
        WHERE t.task = due.task;
        RETURN NEXT;
        EXIT WHEN cardinality(partitions) > 0 OR did ?| '{dropped, dropped_claims}';
    END LOOP;
END
$fn$;

-- The same, each task in a transaction of its own, so that nothing stays locked while the next one works: for pg_cron. A
-- procedure that commits can have neither its owner's rights nor settings; every name in it says where it is.
CREATE PROCEDURE maintain(p_runner text DEFAULT 'somebody')
LANGUAGE plpgsql
AS $fn$
DECLARE
    began pg_catalog.timestamptz := pg_catalog.clock_timestamp();
    ran pg_catalog.bool;
BEGIN
    LOOP
        SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0
               AND pg_catalog.bool_and(task OPERATOR(pg_catalog.<>) 'run_maintenance')
        INTO ran FROM crier.run_maintenance(p_runner, p_most => 1);
        COMMIT;
        EXIT WHEN NOT ran
                  OR pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) began OPERATOR(pg_catalog.>) '30 seconds'::pg_catalog.interval;
    END LOOP;
END
$fn$;
