-- Indexes that take much more room than their rows need. From the statistics of the last ANALYZE, without reading the
-- index: rough, and meant for what has grown to twice its size and more.
CREATE FUNCTION index_bloat()
RETURNS TABLE (index_name text, table_name text, bytes bigint, expected_bytes bigint, scans bigint, valid boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
SELECT format('%I.%I', 'crier', i.relname), t.relname, i.relpages * 8192::bigint,
       -- a tuple is an item pointer, a header and the aligned columns; pages are filled to nine tenths, and one is the meta page
       8192 * (1 + ceil(greatest(i.reltuples, 0)::numeric * (4 + 8 * ceil((8 + w.width) / 8.0)) / (8152 * 0.9)))::bigint,
       pg_stat_get_numscans(i.oid), x.indisvalid
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid AND i.relkind = 'i'
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_am a ON a.oid = i.relam AND a.amname = 'btree'
CROSS JOIN LATERAL (
    SELECT sum(coalesce(s.avg_width, 16)) AS width
    FROM unnest(x.indkey::int2[]) AS k (attnum)
    LEFT JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = k.attnum
    LEFT JOIN pg_stats s ON s.schemaname = 'crier' AND s.tablename = t.relname AND s.attname = c.attname AND NOT s.inherited
) w
WHERE t.relnamespace = 'crier'::regnamespace
$fn$;

-- The indexes that are due to be built again, the most wasteful first: over 8 MB, and more than half of it empty. With psql:
-- SELECT format('REINDEX INDEX CONCURRENTLY %s', index_name) FROM crier.reindex_due() \gexec
CREATE FUNCTION reindex_due(p_max integer DEFAULT 10) RETURNS TABLE (index_name text, wasted_bytes bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $fn$
BEGIN
    PERFORM crier.require_between('p_max', p_max, 1, 1000);
    RETURN QUERY
        SELECT b.index_name, b.bytes - b.expected_bytes
        FROM crier.index_bloat() AS b
        WHERE b.valid AND b.bytes > 8388608 AND b.bytes > 2 * b.expected_bytes
        ORDER BY b.bytes - b.expected_bytes DESC LIMIT p_max;
END
$fn$;
