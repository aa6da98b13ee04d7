-- Counts whether the cache had what was asked for: $2 a hit, $3 a stale value, neither a miss. Nobody waits for another who counts:
-- whoever finds the row in use, or gone by a crash, leaves it. An insert would wait for another's that has not ended.
UPDATE crier.cache_stat s
SET hits = s.hits + $2::boolean::int, stale = s.stale + $3::boolean::int, misses = s.misses + (NOT $2 AND NOT $3)::int
FROM (SELECT q.shard FROM crier.cache_stat q WHERE q.shard = $1 FOR UPDATE SKIP LOCKED) mine
WHERE s.shard = mine.shard
