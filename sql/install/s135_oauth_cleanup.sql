-- Logins that nobody has finished in time, and apps at servers that nobody logs in at any more.

-- What has expired is of no use to anybody: it goes at the next run. An app that nobody finished registering leaves an empty
-- row behind.
CREATE FUNCTION cleanup_expired_oauth_states_batch(p_batch integer DEFAULT 1000, p_max_ms integer DEFAULT 1000,
                                                   p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    deleted bigint := 0;
    apps bigint;
    n bigint;
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 100000);
    PERFORM crier.require_between('p_pause_ms', p_pause_ms, 0, 10000);
    IF NOT crier.begin_task('cleanup_expired_oauth_states_batch', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    DELETE FROM crier.app_registration r
    WHERE r.ctid = ANY (ARRAY(
        SELECT q.ctid FROM crier.app_registration q
        WHERE q.used_at < greatest(crier.too_old('keep_app_registrations'), clock_timestamp() - interval '1 day')
          AND (q.used_at < crier.too_old('keep_app_registrations') OR q.sealed IS NULL)
        ORDER BY q.used_at LIMIT p_batch FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS apps = ROW_COUNT;
    LOOP
        DELETE FROM crier.oauth_state s
        WHERE s.ctid = ANY (ARRAY(
            SELECT q.ctid FROM crier.oauth_state q
            WHERE q.expires_at < clock_timestamp() ORDER BY q.expires_at LIMIT p_batch FOR UPDATE SKIP LOCKED));
        GET DIAGNOSTICS n = ROW_COUNT;
        deleted := deleted + n;
        IF n < p_batch THEN
            RETURN jsonb_build_object('deleted', deleted, 'apps', apps);
        ELSIF crier.ms_since(began) > p_max_ms THEN
            RETURN jsonb_build_object('deleted', deleted, 'apps', apps, 'more', true);
        END IF;
        PERFORM pg_sleep(p_pause_ms / 1000.0);
    END LOOP;
END
$fn$;
