-- Sums of what happened, made once and kept, and how they are read. Everything before crier.stat_state.closed_until is in the
-- sums, and everything from then on is read from the log itself; so each answer is exact, and none reads the history.

-- Microseconds since 2000, as tokens of claims are. Exact until 2106, and several times faster than numeric.
CREATE FUNCTION micros(p_at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE p_at WHEN 'infinity' THEN 9223372036854775807 WHEN '-infinity' THEN -9223372036854775808
                 ELSE round(date_part('epoch', p_at) * 1e6)::bigint - 946684800000000 END;

-- How jobs ended within a time, by minute, from the log. Times are counted where a worker had the job: from its last claim
-- to its end, and from when it was due to that claim. The planner must not read all jobs to join some.
CREATE FUNCTION sum_up_jobs(p_from timestamptz, p_to timestamptz)
RETURNS TABLE (starts_at timestamptz, kind text, platform text, completed bigint, failed bigint, canceled bigint, attempts bigint,
               timed bigint, processing_us bigint, processing bytea, waiting bytea)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $fn$
WITH ended AS (
    SELECT j.kind, j.platform, o.state, o.run_at, o.attempt, CASE WHEN o.state <> 'canceled' THEN o.token END AS token,
           o.finished_at
    FROM crier.job_outcome o
    JOIN crier.job j ON j.id = o.id
    WHERE o.finished_at >= p_from AND o.finished_at < p_to
    UNION ALL
    SELECT u.kind, u.platform, 'failed', u.run_at, u.attempt, u.token, u.finished_at
    FROM crier.job_undone u
    WHERE u.finished_at >= p_from AND u.finished_at < p_to
), timed AS (
    SELECT e.*, greatest(crier.micros(e.finished_at) - e.token, 0) AS took, greatest(e.token - crier.micros(e.run_at), 0) AS waited
    FROM ended e
)
SELECT date_bin('1 minute', finished_at, '2000-01-01'), kind, coalesce(platform, ''),
       count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state = 'failed'),
       count(*) FILTER (WHERE state = 'canceled'), sum(attempt)::bigint, count(token),
       coalesce(sum(took) FILTER (WHERE token IS NOT NULL), 0)::bigint,
       crier.make_sketch(array_agg(took) FILTER (WHERE token IS NOT NULL)),
       crier.make_sketch(array_agg(waited) FILTER (WHERE token IS NOT NULL))
FROM timed
GROUP BY 1, 2, 3
$fn$;

-- What workers took and ended within a time, by minute, from the log.
CREATE FUNCTION sum_up_workers(p_from timestamptz, p_to timestamptz)
RETURNS TABLE (starts_at timestamptz, worker text, claimed bigint, completed bigint, failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $fn$
WITH ended AS (
    SELECT date_bin('1 minute', finished_at, '2000-01-01') AS minute, token, count(*) FILTER (WHERE state = 'completed') AS completed,
           count(*) FILTER (WHERE state = 'failed') AS failed
    FROM (SELECT finished_at, token, state FROM crier.job_outcome
          WHERE finished_at >= p_from AND finished_at < p_to AND token IS NOT NULL AND state <> 'canceled'
          UNION ALL
          SELECT finished_at, token, 'failed' FROM crier.job_undone
          WHERE finished_at >= p_from AND finished_at < p_to AND token IS NOT NULL) o
    GROUP BY 1, 2
), did AS (
    -- a lease that is kept up for long is written down again later, with the same token
    SELECT date_trunc('minute', timestamptz '2000-01-01' + c.token * interval '1 microsecond') AS minute, c.worker,
           cardinality(c.job_ids) AS claimed, 0 AS completed, 0 AS failed
    FROM crier.job_claim c
    WHERE c.recorded_at >= crier.micros(p_from) AND c.recorded_at < crier.micros(p_to) AND c.recorded_at = c.token
    UNION ALL
    SELECT e.minute, c.worker, 0, e.completed, e.failed
    FROM ended e
    CROSS JOIN LATERAL (SELECT q.worker FROM crier.job_claim q WHERE q.recorded_at = e.token AND q.token = e.token LIMIT 1) c
)
SELECT minute, worker, sum(claimed)::bigint, sum(completed)::bigint, sum(failed)::bigint FROM did GROUP BY 1, 2
$fn$;

-- The spans whose sums make up a time: days, hours at both ends, minutes at both ends; none coarser than one of them.
CREATE FUNCTION stat_spans(p_from timestamptz, p_to timestamptz, p_coarsest text)
RETURNS TABLE (span text, lower timestamptz, upper timestamptz)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $fn$
WITH h AS (
    SELECT CASE WHEN p_coarsest = 'minute' THEN 'infinity'
                ELSE date_trunc('hour', p_from + interval '1 hour' - interval '1 microsecond') END AS first,
           date_trunc('hour', p_to) AS last
), d AS (
    SELECT h.*, CASE WHEN p_coarsest = 'day' THEN date_trunc('day', h.first + interval '1 day' - interval '1 microsecond')
                     ELSE 'infinity' END AS first_day,
           date_trunc('day', h.last) AS last_day
    FROM h
)
SELECT s.* FROM d CROSS JOIN LATERAL (
    VALUES ('minute', p_from,   CASE WHEN first < last THEN first ELSE p_to END),
           ('minute', last,     CASE WHEN first < last THEN p_to END),
           ('hour',   first,    CASE WHEN first < last THEN CASE WHEN first_day < last_day THEN first_day ELSE last END END),
           ('hour',   last_day, CASE WHEN first < last AND first_day < last_day THEN last END),
           ('day',    first_day, CASE WHEN first < last AND first_day < last_day THEN last_day END)
) AS s (span, lower, upper)
WHERE s.lower < s.upper
$fn$;

-- The beginning of a time that ends now; null: of all times. As exact as the sums that are kept: to the minute within two
-- days, to the hour within sixty, to the day before.
CREATE FUNCTION stat_since(p_window interval) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $fn$
SELECT CASE WHEN p_window IS NULL THEN date_trunc('day', begun_at)
            ELSE date_trunc(CASE WHEN p_window <= '2 days' THEN 'minute' WHEN p_window <= '60 days' THEN 'hour' ELSE 'day' END,
                            statement_timestamp() - least(p_window, interval '100 years')) END
FROM crier.stat_state
$fn$;

-- How jobs ended since a time that crier.stat_since gave: the sums, and what is not summed up yet.
CREATE FUNCTION jobs_since(p_from timestamptz, p_coarsest text DEFAULT 'day')
RETURNS TABLE (starts_at timestamptz, kind text, platform text, completed bigint, failed bigint, canceled bigint, attempts bigint,
               timed bigint, processing_us bigint, processing bytea, waiting bytea)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $fn$
SELECT s.starts_at, s.kind, s.platform, s.completed, s.failed, s.canceled, s.attempts, s.timed, s.processing_us, s.processing,
       s.waiting
FROM crier.stat_state st
CROSS JOIN LATERAL crier.stat_spans(p_from, st.closed_until, p_coarsest) p
JOIN crier.job_stat s ON s.span = p.span AND s.starts_at >= p.lower AND s.starts_at < p.upper
UNION ALL
SELECT l.* FROM crier.stat_state st CROSS JOIN LATERAL crier.sum_up_jobs(greatest(p_from, st.closed_until), 'infinity') l
$fn$;

-- How many jobs were completed and failed since such a time: without kinds and times, so that the log is all that is read.
CREATE FUNCTION ended_since(p_from timestamptz) RETURNS TABLE (completed bigint, failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $fn$
SELECT coalesce(sum(e.completed), 0)::bigint, coalesce(sum(e.failed), 0)::bigint
FROM (
    SELECT s.completed, s.failed
    FROM crier.stat_state st
    CROSS JOIN LATERAL crier.stat_spans(p_from, st.closed_until, 'day') p
    JOIN crier.job_stat s ON s.span = p.span AND s.starts_at >= p.lower AND s.starts_at < p.upper
    UNION ALL
    SELECT count(*) FILTER (WHERE o.state = 'completed'), count(*) FILTER (WHERE o.state = 'failed')
    FROM crier.job_outcome o
    WHERE o.finished_at >= greatest(p_from, (SELECT st.closed_until FROM crier.stat_state st))
    UNION ALL
    SELECT 0, count(*)
    FROM crier.job_undone u
    WHERE u.finished_at >= greatest(p_from, (SELECT st.closed_until FROM crier.stat_state st))
) e
$fn$;

-- What workers took and ended since such a time.
CREATE FUNCTION workers_since(p_from timestamptz)
RETURNS TABLE (starts_at timestamptz, worker text, claimed bigint, completed bigint, failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off SET max_parallel_workers_per_gather = 0
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $fn$
SELECT s.starts_at, s.worker, s.claimed, s.completed, s.failed
FROM crier.stat_state st
CROSS JOIN LATERAL crier.stat_spans(p_from, st.closed_until, 'day') p
JOIN crier.worker_stat s ON s.span = p.span AND s.starts_at >= p.lower AND s.starts_at < p.upper
UNION ALL
SELECT l.* FROM crier.stat_state st CROSS JOIN LATERAL crier.sum_up_workers(greatest(p_from, st.closed_until), 'infinity') l
$fn$;

-- Sums up what can't change any more. That is known of a time once every transaction is over that had its id then: whoever
-- ends a job has its id before it reads the clock (extension/src/durable.rs). So nothing is waited for, and what is committed
-- late is never missed, whatever the age of its transaction.
CREATE FUNCTION roll_up_statistics(p_max interval DEFAULT '1 hour', p_margin interval DEFAULT '5 seconds') RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off
AS $fn$
DECLARE
    -- In this order: all ids that were given out up to this moment are below the next one.
    seen timestamptz := clock_timestamp();
    next_xid bigint := crier.next_transaction_id();
    oldest bigint;
    state record;
    safe timestamptz;
    upto timestamptz;
    ended bigint := 0;
BEGIN
    IF p_max IS NULL OR p_margin IS NULL THEN
        RAISE EXCEPTION '% must not be null', CASE WHEN p_max IS NULL THEN 'p_max' ELSE 'p_margin' END
            USING ERRCODE = 'null_value_not_allowed', DETAIL = 'null_argument', HINT = 'Give an interval.';
    ELSIF p_max <= '0' OR p_max > '1 day' OR p_margin < '0' OR p_margin > '1 day' THEN
        RAISE EXCEPTION 'p_max is % and p_margin is %', p_max, p_margin
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument',
                  HINT = 'Let p_max be more than nothing and p_margin not negative, neither longer than a day.';
    ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
        -- its snapshot may be older than what is said to be over
        RAISE EXCEPTION 'statistics can''t be summed up in a transaction that is %', current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state', DETAIL = 'not_allowed', HINT = 'Use READ COMMITTED.';
    END IF;
    PERFORM crier.require_table('stat_state');
    SELECT * INTO state FROM crier.stat_state FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN '{"busy": true}';
    END IF;
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint INTO oldest;
    -- ids of another cluster, out of a dump, mean nothing here
    IF state.next_xid > next_xid THEN
        state.next_until := NULL;
    ELSIF state.next_xid <= oldest THEN
        safe := state.next_until;
        state.next_until := NULL;
    END IF;
    IF oldest >= next_xid THEN
        safe := seen - p_margin;
        state.next_until := NULL;
    ELSIF state.next_until IS NULL THEN
        state.next_until := seen - p_margin;
        state.next_xid := next_xid;
    END IF;
    upto := greatest(state.closed_until, least(coalesce(safe, state.closed_until), state.closed_until + p_max));
    IF upto > state.closed_until THEN
        WITH summed AS (
            INSERT INTO crier.job_stat (span, starts_at, kind, platform, completed, failed, canceled, attempts, timed,
                                        processing_us, processing, waiting)
            SELECT 'minute', s.* FROM crier.sum_up_jobs(state.closed_until, upto) s
            RETURNING completed + failed + canceled AS n
        )
        SELECT coalesce(sum(n), 0) INTO ended FROM summed;
        INSERT INTO crier.worker_stat (span, starts_at, worker, claimed, completed, failed)
        SELECT 'minute', w.* FROM crier.sum_up_workers(state.closed_until, upto) w;
        PERFORM crier.sum_up_span('minute', 'hour', date_trunc('hour', state.closed_until), date_trunc('hour', upto));
        PERFORM crier.sum_up_span('hour', 'day', date_trunc('day', state.closed_until), date_trunc('day', upto));
        DELETE FROM crier.job_undone WHERE finished_at < upto;
        DELETE FROM crier.job_stat s WHERE s.span = 'minute' AND s.starts_at < date_trunc('hour', upto) - interval '3 days';
        DELETE FROM crier.job_stat s WHERE s.span = 'hour' AND s.starts_at < date_trunc('day', upto) - interval '62 days';
        DELETE FROM crier.worker_stat s WHERE s.span = 'minute' AND s.starts_at < date_trunc('hour', upto) - interval '3 days';
        DELETE FROM crier.worker_stat s WHERE s.span = 'hour' AND s.starts_at < date_trunc('day', upto) - interval '62 days';
    END IF;
    IF upto < safe THEN
        -- known already: the next call need not find out
        state.next_until := safe;
        state.next_xid := 0;
    END IF;
    UPDATE crier.stat_state s
    SET closed_until = upto, next_until = state.next_until, next_xid = state.next_xid, rolled_up_at = seen;
    RETURN jsonb_build_object('closed_until', upto, 'ended', ended, 'more', coalesce(upto < safe, false));
END
$fn$;

-- Sums up the minutes of hours that are over, or the hours of days. Whoever adds jobs chooses their kinds: beyond the thousand
-- with the most jobs they are put together, so that nobody can fill what is kept for ever.
CREATE FUNCTION sum_up_span(p_of text, p_to text, p_lower timestamptz, p_upper timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $fn$
WITH parts AS MATERIALIZED (
    SELECT date_trunc(p_to, s.starts_at) AS begins, s.*
    FROM crier.job_stat s
    WHERE s.span = p_of AND s.starts_at >= p_lower AND s.starts_at < p_upper
), places AS (
    SELECT begins, kind, platform,
           row_number() OVER (PARTITION BY begins ORDER BY sum(completed + failed + canceled) DESC, kind, platform) AS place
    FROM parts
    GROUP BY begins, kind, platform
), named AS (
    SELECT CASE WHEN l.place <= 1000 THEN p.kind ELSE '(others)' END AS of_kind,
           CASE WHEN l.place <= 1000 THEN p.platform ELSE '' END AS of_platform, p.*
    FROM parts p
    JOIN places l USING (begins, kind, platform)
)
INSERT INTO crier.job_stat (span, starts_at, kind, platform, completed, failed, canceled, attempts, timed, processing_us,
                            processing, waiting)
SELECT p_to, begins, of_kind, of_platform, sum(completed), sum(failed), sum(canceled), sum(attempts), sum(timed),
       sum(processing_us), crier.merge_sketches(array_agg(processing) FILTER (WHERE processing IS NOT NULL)),
       crier.merge_sketches(array_agg(waiting) FILTER (WHERE waiting IS NOT NULL))
FROM named
GROUP BY begins, of_kind, of_platform;
INSERT INTO crier.worker_stat (span, starts_at, worker, claimed, completed, failed)
SELECT p_to, date_trunc(p_to, s.starts_at), s.worker, sum(s.claimed), sum(s.completed), sum(s.failed)
FROM crier.worker_stat s
WHERE s.span = p_of AND s.starts_at >= p_lower AND s.starts_at < p_upper
GROUP BY 2, 3;
$fn$;
