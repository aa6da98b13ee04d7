-- Compare and swap on the generation, one at a time by a lease.
INSERT INTO crier.app_registration AS r (platform, server, redirect_uri, id, leased_until, used_at)
SELECT $1, $2, $3, $4, $7, $6 WHERE $5 = 0
    OR EXISTS (SELECT FROM crier.app_registration WHERE platform = $1 AND server = $2 AND redirect_uri = $3)
ON CONFLICT (platform, server, redirect_uri) DO UPDATE SET leased_until = excluded.leased_until
    WHERE r.generation = $5 AND (r.leased_until IS NULL OR r.leased_until <= $6)
RETURNING r.id, r.generation + 1
