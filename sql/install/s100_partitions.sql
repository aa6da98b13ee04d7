-- Days of the job history, made ahead. Plain SQL because it consists of DDL only.
CREATE FUNCTION ensure_partitions(days integer DEFAULT 7) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
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
    ELSIF pg_catalog.to_regclass('crier.job_history') IS NULL THEN
        RAISE EXCEPTION 'the tables of crier are not there yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'not_migrated',
                  HINT = 'Run SELECT * FROM crier.migrate(); as a superuser or as crier_owner.';
    END IF;
    -- Two callers at once would make the same partition.
    PERFORM pg_advisory_xact_lock(hashtextextended('crier.ensure_partitions', 0));
    FOR day IN SELECT d::date FROM generate_series(0, days) AS n, LATERAL (SELECT (now() AT TIME ZONE 'UTC')::date + n) AS t(d) LOOP
        name := format('job_history_%s', to_char(day, 'YYYYMMDD'));
        -- A day that already has rows in the default partition stays there: moving them would lock out everyone.
        IF to_regclass(format('crier.%I', name)) IS NULL
           AND NOT EXISTS (SELECT FROM crier.job_history_default
                           WHERE finished_at >= day::timestamp AT TIME ZONE 'UTC'
                             AND finished_at < (day + 1)::timestamp AT TIME ZONE 'UTC')
        THEN
            EXECUTE format('CREATE TABLE crier.%I PARTITION OF crier.job_history FOR VALUES FROM (%L) TO (%L)', name,
                           day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
            EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', name);
            RETURN NEXT name;
        END IF;
    END LOOP;
END
$fn$;
