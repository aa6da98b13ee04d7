-- What the tasks of maintenance have in common.

-- Refuses a number that is null or out of range, in the words of every other function.
CREATE FUNCTION require_between(p_name text, p_value bigint, p_min bigint, p_max bigint) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    IF p_value IS NULL THEN
        RAISE EXCEPTION '% must not be null', p_name
            USING ERRCODE = 'null_value_not_allowed', DETAIL = 'null_argument', HINT = 'Give a value for ' || p_name || '.';
    ELSIF p_value NOT BETWEEN p_min AND p_max THEN
        RAISE EXCEPTION '% is %', p_name, p_value
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument',
                  HINT = 'Give a number from ' || p_min || ' to ' || p_max || '.';
    END IF;
END
$fn$;

-- Refuses a time that is none.
CREATE FUNCTION require_window(p_window interval) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    IF p_window IS NULL THEN
        RAISE EXCEPTION 'p_window must not be null'
            USING ERRCODE = 'null_value_not_allowed', DETAIL = 'null_argument', HINT = 'Give an interval.';
    ELSIF p_window <= '0' OR p_window > '1 year' THEN
        RAISE EXCEPTION 'p_window is %', p_window
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument', HINT = 'Give an interval of more than nothing and at most a year.';
    END IF;
END
$fn$;

-- Refuses to go on without a table that crier.migrate() makes, and says what to do.
CREATE FUNCTION require_table(p_table name) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    IF to_regclass(format('crier.%I', p_table)) IS NULL THEN
        RAISE EXCEPTION 'the tables of crier are not there yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'not_migrated',
                  HINT = 'Run SELECT * FROM crier.migrate(); as a superuser or as crier_owner.';
    END IF;
END
$fn$;

-- Begins a task: refuses where there are no tables, or numbers that are none. False: another session is at the same task.
CREATE FUNCTION begin_task(p_task text, p_max_ms integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    PERFORM crier.require_table('maintenance_setting');
    PERFORM crier.require_between('p_max_ms', p_max_ms, 1, 600000);
    -- A row rather than an advisory lock, which any user of the database could take and keep. Nobody waits: whoever has
    -- it does the work.
    IF NOT EXISTS (SELECT FROM crier.maintenance_lock WHERE task = p_task) THEN
        INSERT INTO crier.maintenance_lock (task) VALUES (p_task) ON CONFLICT (task) DO NOTHING;
    END IF;
    PERFORM FROM crier.maintenance_lock WHERE task = p_task FOR UPDATE SKIP LOCKED;
    RETURN FOUND;
END
$fn$;

-- The time before which something is too old by a setting. Null: nothing is.
CREATE FUNCTION too_old(p_setting text) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT CASE WHEN s.name IN ('keep_finished_jobs', 'keep_failed_jobs', 'keep_failed_posts') AND s.value IS NOT NULL
            -- what ended is summed up before it goes; a day of patience with what holds the sums up
            THEN least(t.at, greatest((SELECT st.closed_until FROM crier.stat_state st), t.at - interval '1 day'))
            ELSE t.at END
FROM crier.maintenance_setting s, LATERAL (SELECT clock_timestamp() - s.value AS at) t
WHERE s.name = p_setting
$fn$;

CREATE FUNCTION ms_since(p_at timestamptz) RETURNS double precision
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT extract(epoch FROM clock_timestamp() - p_at)::double precision * 1000
$fn$;
