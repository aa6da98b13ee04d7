-- Days of the queue's log, made ahead. Plain SQL because it consists of DDL only.

-- Where a day of a table of the log begins and ends, and by which column.
CREATE FUNCTION bounds_of_day(p_parent name, p_day date, OUT by_column name, OUT lower text, OUT upper text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $fn$
SELECT c.by_column,
       CASE c.by_column WHEN 'id' THEN crier.first_id(p_day::timestamptz)::text
                        -- microseconds since 2000
                        ELSE ((p_day - date '2000-01-01')::bigint * 86400000000)::text END,
       CASE c.by_column WHEN 'id' THEN crier.first_id((p_day + 1)::timestamptz)::text
                        ELSE ((p_day + 1 - date '2000-01-01')::bigint * 86400000000)::text END
FROM (SELECT CASE WHEN p_parent IN ('job_claim', 'limit_use') THEN 'recorded_at' ELSE 'id' END::name) AS c (by_column)
$fn$;

-- Whether a default partition has rows of a day. Then the day is not made: moving them would lock out everyone. Jobs and what
-- is kept of them have the same days: they are dropped and cleaned up together.
CREATE FUNCTION is_in_default(p_parent name, p_day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
DECLARE
    jobs CONSTANT text[] := '{job, job_outcome, job_retry, job_progress}';
    parent text;
    bounds record;
    crowded boolean;
BEGIN
    FOREACH parent IN ARRAY CASE WHEN p_parent::text = ANY (jobs) THEN jobs ELSE ARRAY[p_parent::text] END LOOP
        SELECT * INTO bounds FROM crier.bounds_of_day(parent, p_day);
        EXECUTE format('SELECT EXISTS (SELECT FROM crier.%I WHERE %I >= %L AND %2$I < %4$L)', parent || '_default',
                       bounds.by_column, bounds.lower, bounds.upper) INTO crowded;
        IF crowded THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$fn$;

-- Makes a table that is to become a part of another one.
CREATE FUNCTION make_partition(p_parent name, p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    EXECUTE format('CREATE TABLE crier.%I (LIKE crier.%I INCLUDING ALL)', p_name, p_parent);
    EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', p_name);
    PERFORM crier.apply_storage(p_name);
END
$fn$;

-- Makes the table of a day, aside: making it in place would lock out everyone who reads or writes the log. Its name, or null
-- where it is there or can't be.
CREATE FUNCTION create_day(p_parent name, p_day date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
DECLARE
    made text := format('%s_%s', p_parent, to_char(p_day, 'YYYYMMDD'));
BEGIN
    IF to_regclass(format('crier.%I', made)) IS NOT NULL OR crier.is_in_default(p_parent, p_day) THEN
        RETURN NULL;
    END IF;
    PERFORM crier.make_partition(p_parent, made);
    RETURN made;
END
$fn$;

-- Makes the table of a day a part of the log; its name. Null, and no such table, where the default partition got rows of
-- that day meanwhile.
CREATE FUNCTION attach_day(p_parent name, p_day date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
DECLARE
    made text := format('%s_%s', p_parent, to_char(p_day, 'YYYYMMDD'));
    bounds record;
BEGIN
    IF crier.is_in_default(p_parent, p_day) THEN
        EXECUTE format('DROP TABLE crier.%I', made);
        RETURN NULL;
    END IF;
    SELECT * INTO bounds FROM crier.bounds_of_day(p_parent, p_day);
    EXECUTE format('ALTER TABLE crier.%I ATTACH PARTITION crier.%I FOR VALUES FROM (%L) TO (%L)', p_parent, made,
                   bounds.lower, bounds.upper);
    RETURN made;
END
$fn$;

-- The smallest id that a job of this time can have: a UUIDv7 begins with its time, 48 bits of milliseconds since 1970.
CREATE FUNCTION first_id(p_at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
-- Without settings of its own, so that it becomes part of the query; what is meant by its names is settled here.
RETURN (lpad(to_hex(least(greatest(floor(extract(epoch FROM p_at) * 1000), 0), 281474976710655)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- Attaching locks the default partition until the transaction ends, and whoever comes after waits behind that. So the
-- tables are there before anything is locked, and then all defaults are locked at once within milliseconds, or nothing is
-- made: the next call tries again.
CREATE FUNCTION ensure_partitions(days integer DEFAULT 7) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET timezone = 'UTC' SET lock_timeout = '50ms'
AS $fn$
DECLARE
    log text[] := ARRAY['job', 'job_outcome', 'job_retry', 'job_progress', 'job_claim', 'limit_use', 'job_log'];
    missing record;
    parents text[] := '{}';
    dates date[] := '{}';
BEGIN
    PERFORM crier.require_between('days', days, 0, 366);
    PERFORM crier.require_table('job_outcome');
    -- without a table that the next crier.migrate() makes
    log := ARRAY(SELECT l FROM unnest(log) AS l WHERE to_regclass('crier.' || l) IS NOT NULL);
    -- Two callers at once would make the same partition.
    IF NOT crier.begin_task('ensure_partitions', 1) THEN
        RETURN;
    END IF;
    BEGIN
        FOR missing IN
            SELECT l AS parent, current_date + n AS day FROM generate_series(0, days) AS n, unnest(log) AS l
        LOOP
            CONTINUE WHEN crier.create_day(missing.parent, missing.day) IS NULL;
            parents := parents || missing.parent;
            dates := dates || missing.day;
        END LOOP;
        IF cardinality(parents) = 0 THEN
            RETURN;
        ELSIF NOT crier.lock_tables_patiently(ARRAY(SELECT DISTINCT l || '_default' FROM unnest(parents) AS l)) THEN
            RAISE EXCEPTION 'locked' USING ERRCODE = 'lock_not_available';
        END IF;
        RETURN QUERY
            SELECT made FROM unnest(parents, dates) WITH ORDINALITY AS m (parent, day, n),
                             LATERAL crier.attach_day(m.parent, m.day) AS made
            WHERE made IS NOT NULL ORDER BY n;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        RETURN;
    END;
END
$fn$;
