-- Days of the job history, made ahead. Plain SQL because it consists of DDL only.
-- A partition is made aside and then attached: making it in place would lock out everyone who reads or writes the
-- history. Attaching still waits for readers of the default partition, and whoever comes after waits behind it; so
-- it gives up after a moment and is tried again by the next call.
CREATE FUNCTION ensure_partitions(days integer DEFAULT 7) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET timezone = 'UTC' SET lock_timeout = '1s'
AS $fn$
DECLARE
    day date;
    name text;
BEGIN
    IF days IS NULL THEN
        RAISE EXCEPTION 'days must not be null'
            USING ERRCODE = 'null_value_not_allowed', DETAIL = 'null_argument', HINT = 'Give a value for days.';
    ELSIF days NOT BETWEEN 0 AND 366 THEN
        RAISE EXCEPTION 'days is %', days
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument', HINT = 'Give a number from 0 to 366.';
    ELSIF to_regclass('crier.job_history') IS NULL THEN
        RAISE EXCEPTION 'the tables of crier are not there yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'not_migrated',
                  HINT = 'Run SELECT * FROM crier.migrate(); as a superuser or as crier_owner.';
    END IF;
    -- Two callers at once would make the same partition.
    PERFORM pg_advisory_xact_lock(hashtextextended('crier.ensure_partitions', 0));
    FOR day IN SELECT current_date + n FROM generate_series(0, days) AS n LOOP
        name := format('job_history_%s', to_char(day, 'YYYYMMDD'));
        -- A day that already has rows in the default partition stays there: moving them would lock out everyone.
        CONTINUE WHEN to_regclass(format('crier.%I', name)) IS NOT NULL
            OR EXISTS (SELECT FROM crier.job_history_default WHERE finished_at >= day AND finished_at < day + 1);
        BEGIN
            EXECUTE format('CREATE TABLE crier.%I (LIKE crier.job_history INCLUDING ALL)', name);
            EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('ALTER TABLE crier.job_history ATTACH PARTITION crier.%I FOR VALUES FROM (%L) TO (%L)', name,
                           day::timestamptz, (day + 1)::timestamptz);
            RETURN NEXT name;
        EXCEPTION WHEN lock_not_available THEN
            RETURN;
        END;
    END LOOP;
EXCEPTION WHEN lock_not_available THEN
    -- Somebody else is at it, or holds the lock that tells so.
    RETURN;
END
$fn$;
