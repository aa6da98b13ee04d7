-- Renews leases whose token is still current; progress is kept where none is given.
WITH mine AS (
    SELECT j.id, i.progress
    FROM crier.job j
    JOIN unnest($1::uuid[], $2::bigint[], $4::jsonb[]) AS i (id, token, progress) ON i.id = j.id AND i.token = j.token
    WHERE j.state = 'running'
    ORDER BY j.id
    FOR UPDATE OF j
)
UPDATE crier.job j
SET lease_expires_at = $3, progress = coalesce(mine.progress, j.progress)
FROM mine
WHERE j.id = mine.id
RETURNING j.id, j.lease_expires_at
