-- Renews leases whose token is still current, and shortens none; progress is kept where none is given. A job that another transaction
-- holds (a cancel that is not committed yet) is not waited for, or one tenant could let the leases of all run out:
-- it is answered with the lease it has.
WITH mine AS (
    SELECT i.id, i.token, i.progress
    FROM unnest($1::uuid[], $2::bigint[], $4::jsonb[]) AS i (id, token, progress)
), free AS (
    SELECT j.id, mine.progress
    FROM crier.job j
    JOIN mine ON mine.id = j.id AND mine.token = j.token
    WHERE j.state = 'running'
    FOR UPDATE OF j SKIP LOCKED
), renewed AS (
    UPDATE crier.job j
    SET lease_expires_at = greatest(j.lease_expires_at, $3), progress = coalesce(free.progress, j.progress)
    FROM free
    WHERE j.id = free.id
    RETURNING j.id, j.lease_expires_at
)
SELECT id, lease_expires_at FROM renewed
UNION ALL
SELECT j.id, j.lease_expires_at
FROM crier.job j
JOIN mine ON mine.id = j.id AND mine.token = j.token
WHERE j.state = 'running' AND j.id NOT IN (SELECT id FROM renewed)
