-- Tells the operator's endpoints what crier.alerts() says: once when it begins, once when it ends. Due every minute.
CREATE FUNCTION check_alerts(p_max_ms integer DEFAULT 1000) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '1s'
AS $fn$
DECLARE
    at CONSTANT timestamptz := clock_timestamp();
    a record;
    begun text[] := '{}';
    ended text[] := '{}';
    attention text[] := '{}';
BEGIN
    IF NOT crier.begin_task('check_alerts', p_max_ms) THEN
        RETURN '{"busy": true}';
    ELSIF NOT EXISTS (SELECT FROM crier.alert_endpoint e
                      WHERE e.workspace_id IS NULL AND e.enabled
                        AND (e.kinds IS NULL OR e.kinds && ARRAY['threshold.begun', 'threshold.ended'])) THEN
        -- The first one that comes hears of everything that is not over by then.
        DELETE FROM crier.alert_state;
        RETURN '{"begun": [], "ended": []}';
    END IF;
    FOR a IN
        SELECT coalesce(v.name, s.name) AS name, v.value, v.threshold, v.about, s.since, s.name IS NULL AS begins
        FROM (SELECT n.*, t.enabled AND n.value > n.threshold AS is_above
              FROM crier.alerts(true) n JOIN crier.alert_threshold t ON t.name = n.name) v
        FULL JOIN crier.alert_state s ON s.name = v.name
        WHERE coalesce(v.is_above, false) <> (s.name IS NOT NULL)
        ORDER BY 1
    LOOP
        IF a.begins THEN
            INSERT INTO crier.alert_state (name, since) VALUES (a.name, at);
            begun := begun || a.name;
            attention := attention || format('%s is %s, above %s', a.name, a.value, a.threshold);
        ELSE
            DELETE FROM crier.alert_state s WHERE s.name = a.name;
            ended := ended || a.name;
        END IF;
        PERFORM crier.raise_alert(
            CASE WHEN a.begins THEN 'threshold.begun' ELSE 'threshold.ended' END,
            a.name || ':' || crier.micros(at),
            jsonb_build_object('name', a.name, 'value', a.value, 'threshold', a.threshold, 'about', a.about,
                               'since', to_char(coalesce(a.since, at), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')));
    END LOOP;
    RETURN jsonb_build_object('begun', begun, 'ended', ended, 'attention', attention);
END
$fn$;
