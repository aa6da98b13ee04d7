-- What is kept for long is in months: made ahead and dropped whole, like the days of the queue's log.

-- The tables that are in months, and by which column.
CREATE FUNCTION month_tables() RETURNS TABLE (parent name, by_column name)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $fn$
VALUES ('activity_log'::name, 'id'::name), ('analytics_event', 'id'), ('analytics_hour', 'starts_at'), ('analytics_day', 'starts_at'),
       ('api_metric', 'at')
$fn$;

-- The first instant of a time's column: of an id, the smallest one that something made then can have.
CREATE FUNCTION bound_of_month(p_by_column name, p_at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO'
AS $fn$
SELECT CASE p_by_column WHEN 'id' THEN crier.first_id(p_at)::text ELSE p_at::text END
$fn$;

-- Makes the table of a month a part of its parent; its name. Null where it is there, or where the default partition has rows of
-- that month: moving them would lock out everyone.
CREATE FUNCTION attach_month(p_parent name, p_by_column name, p_month date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $fn$
DECLARE
    made text := format('%s_%s', p_parent, to_char(p_month, 'YYYYMM'));
    lower text := crier.bound_of_month(p_by_column, p_month::timestamptz);
    upper text := crier.bound_of_month(p_by_column, (p_month + interval '1 month')::timestamptz);
    crowded boolean;
BEGIN
    IF to_regclass(format('crier.%I', made)) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM crier.%I WHERE %I >= %L AND %2$I < %4$L)', p_parent || '_default', p_by_column,
                   lower, upper) INTO crowded;
    IF crowded THEN
        RETURN NULL;
    END IF;
    -- made before anything is locked, and gone again where that can't be
    PERFORM crier.make_partition(p_parent, made);
    IF NOT crier.lock_tables_patiently(ARRAY[p_parent || '_default']) THEN
        RAISE EXCEPTION 'locked' USING ERRCODE = 'lock_not_available';
    END IF;
    EXECUTE format('ALTER TABLE crier.%I ATTACH PARTITION crier.%I FOR VALUES FROM (%L) TO (%L)', p_parent, made, lower, upper);
    RETURN made;
END
$fn$;

-- Makes this month and the next ones; answers with the names of new tables. What can't be locked at once is for the next call.
CREATE FUNCTION ensure_months(p_months integer DEFAULT 2) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET timezone = 'UTC' SET lock_timeout = '50ms'
AS $fn$
DECLARE
    wanted record;
    made text;
BEGIN
    PERFORM crier.require_between('p_months', p_months, 0, 60);
    IF NOT crier.begin_task('ensure_partitions', 1) THEN
        RETURN;
    END IF;
    FOR wanted IN
        SELECT t.parent, t.by_column, (date_trunc('month', current_date::timestamp) + n * interval '1 month')::date AS month
        FROM generate_series(0, p_months) AS n, crier.month_tables() t
        -- without a table that the next crier.migrate() makes
        WHERE to_regclass(format('crier.%I', t.parent)) IS NOT NULL
    LOOP
        BEGIN
            made := crier.attach_month(wanted.parent, wanted.by_column, wanted.month);
        EXCEPTION WHEN lock_not_available OR deadlock_detected OR check_violation THEN
            -- check_violation: the default partition got a row of that month meanwhile
            made := NULL;
        END;
        IF made IS NOT NULL THEN
            RETURN NEXT made;
        END IF;
    END LOOP;
END
$fn$;

-- Drops the oldest month of a table that is over for longer than a setting says, one a call; where there is none, deletes what is as
-- old in the default partition. {"dropped": name, "more": true}, {"deleted": n, "more": …}, {"locked": name} or {"busy": true}.
CREATE FUNCTION drop_old_months(p_task text, p_parent name, p_setting text, p_batch integer, p_max_ms integer, p_pause_ms integer)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET timezone = 'UTC' SET lock_timeout = '50ms'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    by_column name := (SELECT t.by_column FROM crier.month_tables() t WHERE t.parent = p_parent);
    rest name := p_parent || '_default';
    before timestamptz;
    month text;
    deleted bigint := 0;
    n bigint;
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 100000);
    PERFORM crier.require_between('p_pause_ms', p_pause_ms, 0, 10000);
    IF NOT crier.begin_task(p_task, p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    before := crier.too_old(p_setting);
    IF before IS NULL THEN
        RETURN '{"deleted": 0}';
    END IF;
    SELECT min(c.relname) INTO month
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(format('crier.%I', p_parent)) AND c.relname ~ ('^' || p_parent || '_[0-9]{6}$')
      AND (to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month')::timestamptz <= before;
    IF month IS NOT NULL THEN
        BEGIN
            IF NOT crier.lock_tables_patiently(ARRAY[month, rest, p_parent]) THEN
                RETURN jsonb_build_object('locked', month);
            END IF;
            EXECUTE format('ALTER TABLE crier.%I DETACH PARTITION crier.%I', p_parent, month);
            EXECUTE format('DROP TABLE crier.%I', month);
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            RETURN jsonb_build_object('locked', month);
        END;
        RETURN jsonb_build_object('dropped', month, 'more', true);
    END IF;
    LOOP
        EXECUTE format('DELETE FROM crier.%1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM crier.%1$I WHERE %2$I < %3$L '
                       'LIMIT $1 FOR UPDATE SKIP LOCKED))', rest, by_column, crier.bound_of_month(by_column, before))
            USING p_batch;
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

CREATE FUNCTION cleanup_old_activity_logs(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000, p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT crier.drop_old_months('cleanup_old_activity_logs', 'activity_log', 'keep_activity_log', p_batch, p_max_ms, p_pause_ms)
$fn$;
