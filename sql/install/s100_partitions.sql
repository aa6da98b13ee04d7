-- Days of the queue's log, made ahead. Plain SQL because it consists of DDL only.

-- Makes one day of one table; its name, or null where it is there or can't be. A partition is made aside and then
-- attached: making it in place would lock out everyone who reads or writes the log.
CREATE FUNCTION make_partition(p_parent name, p_day date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET timezone = 'UTC'
AS $fn$
DECLARE
    made text := format('%s_%s', p_parent, to_char(p_day, 'YYYYMMDD'));
    lower text;
    upper text;
    crowded boolean;
BEGIN
    IF to_regclass(format('crier.%I', made)) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    IF p_parent IN ('job_claim', 'limit_use') THEN
        -- their times are microseconds since 2000
        lower := ((p_day - date '2000-01-01')::bigint * 86400000000)::text;
        upper := ((p_day + 1 - date '2000-01-01')::bigint * 86400000000)::text;
        EXECUTE format('SELECT EXISTS (SELECT FROM crier.%I WHERE recorded_at >= %L AND recorded_at < %L)',
                       p_parent || '_default', lower, upper) INTO crowded;
    ELSE
        lower := crier.first_id(p_day::timestamptz)::text;
        upper := crier.first_id((p_day + 1)::timestamptz)::text;
        EXECUTE format('SELECT EXISTS (SELECT FROM crier.%I WHERE id >= %L AND id < %L)',
                       p_parent || '_default', lower, upper) INTO crowded;
    END IF;
    -- A day that already has rows in the default partition stays there: moving them would lock out everyone.
    IF crowded THEN
        RETURN NULL;
    END IF;
    EXECUTE format('CREATE TABLE crier.%I (LIKE crier.%I INCLUDING ALL)', made, p_parent);
    EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', made);
    PERFORM crier.apply_storage(made);
    EXECUTE format('ALTER TABLE crier.%I ATTACH PARTITION crier.%I FOR VALUES FROM (%L) TO (%L)', p_parent, made, lower,
                   upper);
    RETURN made;
END
$fn$;

-- The smallest id that a job of this time can have: a UUIDv7 begins with its time, 48 bits of milliseconds since 1970.
CREATE FUNCTION first_id(p_at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $fn$
SELECT (lpad(to_hex(least(greatest(floor(extract(epoch FROM p_at) * 1000), 0), 281474976710655)::bigint), 12, '0') || repeat('0', 20))::uuid
$fn$;

-- Attaching locks the default partition until the transaction ends, and whoever comes after waits behind that. So all of
-- them are locked at once within milliseconds, or nothing is made: the next call tries again.
CREATE FUNCTION ensure_partitions(days integer DEFAULT 7) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET timezone = 'UTC' SET lock_timeout = '50ms'
AS $fn$
DECLARE
    log text[] := ARRAY['job', 'job_outcome', 'job_retry', 'job_progress', 'job_claim', 'limit_use', 'job_log'];
BEGIN
    PERFORM crier.require_between('days', days, 0, 366);
    PERFORM crier.require_table('job_outcome');
    -- without a table that the next crier.migrate() makes
    log := ARRAY(SELECT l FROM unnest(log) AS l WHERE to_regclass('crier.' || l) IS NOT NULL);
    -- Two callers at once would make the same partition.
    IF NOT crier.begin_task('ensure_partitions', 1) THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM unnest(log) AS l, generate_series(0, days) AS n
                   WHERE to_regclass(format('crier.%I', l || '_' || to_char(current_date + n, 'YYYYMMDD'))) IS NULL) THEN
        RETURN;
    END IF;
    BEGIN
        IF NOT crier.lock_tables_patiently(ARRAY(SELECT l || '_default' FROM unnest(log) AS l)) THEN
            RETURN;
        END IF;
        RETURN QUERY
            SELECT made FROM generate_series(0, days) AS n, unnest(log) AS l,
                             LATERAL crier.make_partition(l, current_date + n) AS made
            WHERE made IS NOT NULL;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        RETURN;
    END;
END
$fn$;
