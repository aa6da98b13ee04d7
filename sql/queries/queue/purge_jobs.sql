WITH dead AS (
    DELETE FROM crier.job_outcome o
    WHERE o.id = ANY ($1::uuid[]) AND o.state = 'failed'
      AND NOT EXISTS (SELECT 1 FROM crier.post_target t WHERE t.job_id = o.id)
    RETURNING o.id
), retries AS (
    DELETE FROM crier.job_retry WHERE id IN (SELECT id FROM dead)
), progress AS (
    DELETE FROM crier.job_progress WHERE id IN (SELECT id FROM dead)
)
DELETE FROM crier.job WHERE id IN (SELECT id FROM dead) RETURNING id
