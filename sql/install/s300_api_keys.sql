-- Callers of the API that are machines, as crierd asks about them.

-- Whose key has this hash; null: nobody's, or one that was revoked. It may have expired: crier.use_api_key says whether it counts.
CREATE FUNCTION find_api_key(p_hash bytea) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT k.id FROM crier.api_key k WHERE k.hash = p_hash AND k.revoked_at IS NULL
$fn$;

-- Whether a user is an API key that counts; null: it is none, but a person. Notes that it is used, once a minute. Whoever holds its
-- row is not waited for: the next request notes it.
CREATE FUNCTION use_api_key(p_user_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
DECLARE
    found_key record;
    at timestamptz := clock_timestamp();
BEGIN
    SELECT k.last_used_at,
           k.revoked_at IS NULL AND coalesce(k.expires_at > at, true)
           AND EXISTS (SELECT FROM crier.workspace_member m WHERE m.workspace_id = k.workspace_id AND m.user_id = k.id) AS counts
    INTO found_key FROM crier.api_key k WHERE k.id = p_user_id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF found_key.counts AND coalesce(found_key.last_used_at < at - interval '1 minute', true) THEN
        UPDATE crier.api_key k SET last_used_at = at
        WHERE k.id = (SELECT q.id FROM crier.api_key q WHERE q.id = p_user_id FOR NO KEY UPDATE SKIP LOCKED);
    END IF;
    RETURN found_key.counts;
END
$fn$;

CREATE FUNCTION cleanup_idempotency_keys(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000, p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT crier.cleanup_by_age('cleanup_idempotency_keys', 'idempotency_key', 'created_at', 'keep_idempotency_keys', p_batch, p_max_ms,
                            p_pause_ms)
$fn$;
