-- Jobs whose lease ran out without an answer, and waiting jobs past their expiry. Locked, so that only one
-- caller settles each; bounded, so that a claim never pays for a large backlog of them.
WITH lost AS (
    SELECT id, kind, attempt, max_attempts, lost_leases
    FROM crier.job
    WHERE state = 'running' AND lease_expires_at <= $1
    ORDER BY lease_expires_at
    LIMIT 100
    FOR UPDATE SKIP LOCKED
), expired AS (
    SELECT id, kind, attempt, max_attempts, lost_leases
    FROM crier.job
    WHERE state IN ('pending', 'retrying') AND expires_at <= $1
    ORDER BY expires_at
    LIMIT 100
    FOR UPDATE SKIP LOCKED
)
SELECT id, kind, attempt, max_attempts, lost_leases, true AS lease_lost FROM lost
UNION ALL
SELECT id, kind, attempt, max_attempts, lost_leases, false FROM expired
