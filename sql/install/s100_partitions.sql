-- Days of the queue's log, made ahead. Plain SQL because it consists of DDL only.
-- A partition is made aside and then attached: making it in place would lock out everyone who reads or writes the
-- log. Attaching still waits for readers of the default partition, and whoever comes after waits behind it; so
-- it gives up after a moment and is tried again by the next call.
CREATE FUNCTION ensure_partitions(days integer DEFAULT 7) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET timezone = 'UTC' SET lock_timeout = '1s'
AS $fn$
DECLARE
    day date;
    name text;
    parent text;
    lower text;
    upper text;
    crowded boolean;
BEGIN
    IF days IS NULL THEN
        RAISE EXCEPTION 'days must not be null'
            USING ERRCODE = 'null_value_not_allowed', DETAIL = 'null_argument', HINT = 'Give a value for days.';
    ELSIF days NOT BETWEEN 0 AND 366 THEN
        RAISE EXCEPTION 'days is %', days
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument', HINT = 'Give a number from 0 to 366.';
    ELSIF to_regclass('crier.job_outcome') IS NULL THEN
        RAISE EXCEPTION 'the tables of crier are not there yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'not_migrated',
                  HINT = 'Run SELECT * FROM crier.migrate(); as a superuser or as crier_owner.';
    END IF;
    -- Two callers at once would make the same partition.
    PERFORM pg_advisory_xact_lock(hashtextextended('crier.ensure_partitions', 0));
    FOR day IN SELECT current_date + n FROM generate_series(0, days) AS n LOOP
        FOREACH parent IN ARRAY ARRAY['job', 'job_outcome', 'job_retry', 'job_progress', 'job_claim', 'job_log'] LOOP
            -- a table that the next crier.migrate() makes
            CONTINUE WHEN to_regclass(format('crier.%I', parent)) IS NULL;
            name := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
            CONTINUE WHEN to_regclass(format('crier.%I', name)) IS NOT NULL;
            IF parent = 'job_claim' THEN
                -- its times are microseconds since 2000
                lower := ((day - date '2000-01-01')::bigint * 86400000000)::text;
                upper := ((day + 1 - date '2000-01-01')::bigint * 86400000000)::text;
                EXECUTE format('SELECT EXISTS (SELECT FROM crier.job_claim_default WHERE recorded_at >= %L AND recorded_at < %L)',
                               lower, upper) INTO crowded;
            ELSE
                -- a UUIDv7 begins with its time: 48 bits, milliseconds since 1970
                lower := (lpad(to_hex((day - date '1970-01-01')::bigint * 86400000), 12, '0') || repeat('0', 20))::uuid;
                upper := (lpad(to_hex((day + 1 - date '1970-01-01')::bigint * 86400000), 12, '0') || repeat('0', 20))::uuid;
                EXECUTE format('SELECT EXISTS (SELECT FROM crier.%I WHERE id >= %L AND id < %L)',
                               parent || '_default', lower, upper) INTO crowded;
            END IF;
            -- A day that already has rows in the default partition stays there: moving them would lock out everyone.
            CONTINUE WHEN crowded;
            BEGIN
                EXECUTE format('CREATE TABLE crier.%I (LIKE crier.%I INCLUDING ALL)', name, parent);
                EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', name);
                EXECUTE format('ALTER TABLE crier.%I ATTACH PARTITION crier.%I FOR VALUES FROM (%L) TO (%L)', parent, name,
                               lower, upper);
                RETURN NEXT name;
            EXCEPTION WHEN lock_not_available THEN
                RETURN;
            END;
        END LOOP;
    END LOOP;
EXCEPTION WHEN lock_not_available THEN
    -- Somebody else is at it, or holds the lock that tells so.
    RETURN;
END
$fn$;
