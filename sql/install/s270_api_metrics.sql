-- What API servers say of the requests that they have answered. For crier_worker, which records, and crier_monitor, which asks.

-- The first row of an array that is none, and why.
CREATE FUNCTION check_api_metrics(p_rows jsonb, OUT place bigint, OUT problem text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT r.place - 1, p.problem
FROM jsonb_array_elements(p_rows) WITH ORDINALITY AS r (element, place)
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN jsonb_typeof(element) <> 'object' THEN ' must be an object'
        WHEN NOT '{at, endpoint, method, status, ms, user_id}'::text[] @> ARRAY(SELECT jsonb_object_keys(element))
            THEN ' has a field that is none of at, endpoint, method, status, ms and user_id'
        WHEN jsonb_typeof(element -> 'endpoint') IS DISTINCT FROM 'string' OR char_length(element ->> 'endpoint') NOT BETWEEN 1 AND 200
            THEN '.endpoint must be a text of 1 to 200 characters'
        WHEN element ? 'method' AND (jsonb_typeof(element -> 'method') <> 'string' OR char_length(element ->> 'method') > 20)
            THEN '.method must be a text of at most 20 characters'
        WHEN jsonb_typeof(element -> 'status') IS DISTINCT FROM 'number' OR (element ->> 'status')::numeric NOT BETWEEN 100 AND 599
             OR (element ->> 'status')::numeric % 1 <> 0
            THEN '.status must be a whole number from 100 to 599'
        WHEN jsonb_typeof(element -> 'ms') IS DISTINCT FROM 'number' OR (element ->> 'ms')::numeric < 0 OR (element ->> 'ms')::numeric >= 1e9
            THEN '.ms must be how many milliseconds it took'
        WHEN element ? 'user_id' AND coalesce(element ->> 'user_id', '') !~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
            THEN '.user_id must be a uuid'
        WHEN element ? 'at' AND (jsonb_typeof(element -> 'at') <> 'number'
                                 OR abs((element ->> 'at')::numeric - extract(epoch FROM statement_timestamp())) > 86400)
            THEN '.at must be in seconds since 1970, within a day of now'
    END AS problem
) p
WHERE p.problem IS NOT NULL
ORDER BY r.place
LIMIT 1
$fn$;

-- Records requests, at most 10,000: objects with endpoint (the pattern, not the address that was asked for), status and ms, and as far as
-- they are known method, at (seconds since 1970) and user_id. All or, where one is wrong, none. Answers with how many.
CREATE FUNCTION record_api_metrics(p_rows jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
DECLARE
    wrong record;
    n bigint;
BEGIN
    PERFORM crier.require_table('api_metric');
    IF p_rows IS NULL THEN
        RAISE EXCEPTION 'p_rows must not be null'
            USING ERRCODE = 'null_value_not_allowed', DETAIL = 'null_argument', HINT = 'Give a value for p_rows.';
    ELSIF jsonb_typeof(p_rows) <> 'array' THEN
        RAISE EXCEPTION 'p_rows must be a JSON array'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument', HINT = 'Give an array of objects with endpoint, status and ms.';
    ELSIF jsonb_array_length(p_rows) > 10000 THEN
        RAISE EXCEPTION 'p_rows has % elements; at most 10000 are accepted', jsonb_array_length(p_rows)
            USING ERRCODE = 'program_limit_exceeded', DETAIL = 'too_large', HINT = 'Split it up.';
    END IF;
    SELECT * INTO wrong FROM crier.check_api_metrics(p_rows);
    IF wrong.problem IS NOT NULL THEN
        RAISE EXCEPTION 'p_rows[%]%', wrong.place, wrong.problem
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'invalid_argument', HINT = 'Give an array of objects with endpoint, status and ms.';
    END IF;
    INSERT INTO crier.api_metric (at, endpoint, method, status, took_ms, user_id)
    SELECT coalesce(to_timestamp((r ->> 'at')::double precision), clock_timestamp()), r ->> 'endpoint', coalesce(r ->> 'method', ''),
           (r ->> 'status')::numeric::integer, (r ->> 'ms')::double precision, (r ->> 'user_id')::uuid
    FROM jsonb_array_elements(p_rows) AS r;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$fn$;

-- Endpoints by how slow they are.
CREATE FUNCTION api_slow_endpoints(p_window interval DEFAULT '1 hour', p_slower_than interval DEFAULT '2 seconds')
RETURNS TABLE (endpoint text, method text, requests bigint, slow bigint, p50_ms double precision, p95_ms double precision,
               p99_ms double precision, max_ms double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off
AS $fn$
DECLARE
    slow_ms double precision := extract(epoch FROM p_slower_than) * 1000;
BEGIN
    PERFORM crier.require_table('api_metric');
    PERFORM crier.require_window(p_window);
    RETURN QUERY
    SELECT m.endpoint, m.method, count(*), count(*) FILTER (WHERE m.took_ms > slow_ms),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY m.took_ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY m.took_ms),
           percentile_cont(0.99) WITHIN GROUP (ORDER BY m.took_ms), max(m.took_ms)
    FROM crier.api_metric m
    WHERE m.at > statement_timestamp() - p_window
    GROUP BY m.endpoint, m.method
    ORDER BY 6 DESC, 1, 2
    LIMIT 1000;
END
$fn$;

-- How requests were answered, by endpoint, and all together in the row without one. The rate is that of 5xx.
CREATE FUNCTION api_error_rates(p_window interval DEFAULT '1 hour')
RETURNS TABLE (endpoint text, requests bigint, client_errors bigint, server_errors bigint, error_rate double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off
AS $fn$
BEGIN
    PERFORM crier.require_table('api_metric');
    PERFORM crier.require_window(p_window);
    RETURN QUERY
    SELECT m.endpoint, count(*), count(*) FILTER (WHERE m.status BETWEEN 400 AND 499), count(*) FILTER (WHERE m.status >= 500),
           count(*) FILTER (WHERE m.status >= 500)::double precision / nullif(count(*), 0)
    FROM crier.api_metric m
    WHERE m.at > statement_timestamp() - p_window
    GROUP BY GROUPING SETS ((m.endpoint), ())
    ORDER BY 1 NULLS FIRST
    LIMIT 1000;
END
$fn$;

-- Users and requests by hour, in UTC; an hour without any is left out.
CREATE FUNCTION api_active_users(p_window interval DEFAULT '1 day')
RETURNS TABLE (hour timestamptz, users bigint, requests bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET jit = off
AS $fn$
BEGIN
    PERFORM crier.require_table('api_metric');
    PERFORM crier.require_window(p_window);
    RETURN QUERY
    SELECT date_trunc('hour', m.at), count(DISTINCT m.user_id), count(*)
    FROM crier.api_metric m
    WHERE m.at > date_trunc('hour', statement_timestamp() - p_window)
    GROUP BY 1
    ORDER BY 1;
END
$fn$;

CREATE FUNCTION cleanup_old_metrics(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000, p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT crier.drop_old_months('cleanup_old_metrics', 'api_metric', 'keep_api_metrics', p_batch, p_max_ms, p_pause_ms)
$fn$;
