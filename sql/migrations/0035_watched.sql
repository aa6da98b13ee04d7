-- A run of the maintenance had a number of a sequence. Logical replication copies rows and no sequences: in a database that took over,
-- the next run had the number of one that was there already, and failed. An id of its time collides with none; those that are there
-- keep their order.
DROP VIEW IF EXISTS crier.maintenance_log;
ALTER TABLE crier.maintenance_run ALTER COLUMN id DROP IDENTITY;
ALTER TABLE crier.maintenance_run ALTER COLUMN id TYPE uuid
    USING (left(crier.first_id(started_at)::text, 14) || '7000-8000-' || lpad(to_hex(id), 12, '0'))::uuid;

INSERT INTO crier.alert_threshold (name, threshold, enabled, about) VALUES
    ('rate_limit_violations', 100, true, 'requests that API servers refused because there were too many of a user (429), last hour');

-- The rows that count what the response cache has: whoever counts makes none, which could wait for another's transaction.
INSERT INTO crier.cache_stat (shard, hits, stale, misses) SELECT n, 0, 0, 0 FROM generate_series(0, 63) AS n ON CONFLICT DO NOTHING;

-- From nine tenths on the memory takes urgent jobs alone, so that it was never above that.
UPDATE crier.alert_threshold SET threshold = 0.8 WHERE name = 'memory_used' AND threshold = 0.9;
