-- Counts whether the cache had what was asked for: $2 a hit, $3 a stale value, neither a miss. Nobody waits for another who counts:
-- whoever finds the row in use leaves it.
WITH mine AS (
    SELECT s.shard FROM crier.cache_stat s WHERE s.shard = $1 FOR UPDATE SKIP LOCKED
), counted AS (
    UPDATE crier.cache_stat s
    SET hits = s.hits + $2::boolean::int, stale = s.stale + $3::boolean::int, misses = s.misses + (NOT $2 AND NOT $3)::int
    FROM mine m
    WHERE s.shard = m.shard
)
INSERT INTO crier.cache_stat (shard, hits, stale, misses)
SELECT $1, $2::boolean::int, $3::boolean::int, (NOT $2 AND NOT $3)::int
WHERE NOT EXISTS (SELECT FROM crier.cache_stat s WHERE s.shard = $1)
ON CONFLICT DO NOTHING
