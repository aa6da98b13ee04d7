-- The response cache, as operators see it.

-- What has run out goes ten minutes later: until then whoever makes it anew has others served with it.
CREATE FUNCTION cleanup_expired_cache(p_batch integer DEFAULT 10000, p_max_ms integer DEFAULT 1000, p_pause_ms integer DEFAULT 0)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $fn$
DECLARE
    began timestamptz := clock_timestamp();
    deleted bigint := 0;
    n bigint;
BEGIN
    PERFORM crier.require_between('p_batch', p_batch, 1, 100000);
    PERFORM crier.require_between('p_pause_ms', p_pause_ms, 0, 10000);
    IF NOT crier.begin_task('cleanup_expired_cache', p_max_ms) THEN
        RETURN '{"busy": true}';
    END IF;
    PERFORM crier.require_table('response_cache');
    -- a crash has emptied it: as many rows as sessions spread over (extension/src/cache.rs)
    INSERT INTO crier.cache_stat (shard, hits, stale, misses)
    SELECT g.shard, 0, 0, 0 FROM generate_series(0, 63) AS g (shard)
    WHERE NOT EXISTS (SELECT FROM crier.cache_stat s WHERE s.shard = g.shard)
    ON CONFLICT DO NOTHING;
    LOOP
        DELETE FROM crier.response_cache c WHERE c.ctid = ANY (ARRAY(
            SELECT q.ctid FROM crier.response_cache q
            WHERE q.expires_at < clock_timestamp() - interval '10 minutes'
              AND (q.made_until IS NULL OR q.made_until < clock_timestamp())
            ORDER BY q.expires_at LIMIT p_batch FOR UPDATE SKIP LOCKED));
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

-- How often the cache had what was asked for, since it was empty last: a crash empties it, and the next cleanup lets it count anew.
-- Sessions that count at the same moment are counted less.
CREATE FUNCTION cache_stats()
RETURNS TABLE (hits bigint, stale bigint, misses bigint, hit_rate double precision, entries bigint, expired bigint, bytes bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT s.hits, s.stale, s.misses, s.hits::double precision / nullif(s.hits + s.stale + s.misses, 0),
       e.entries, e.expired, pg_total_relation_size('crier.response_cache'::regclass)
FROM (SELECT coalesce(sum(q.hits), 0)::bigint AS hits, coalesce(sum(q.stale), 0)::bigint AS stale,
             coalesce(sum(q.misses), 0)::bigint AS misses FROM crier.cache_stat q) s,
     (SELECT count(*) AS entries, count(*) FILTER (WHERE c.expires_at <= clock_timestamp()) AS expired
      FROM crier.response_cache c WHERE c.value IS NOT NULL) e
$fn$;
