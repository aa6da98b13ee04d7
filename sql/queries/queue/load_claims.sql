-- Claims that nobody has answered yet, oldest first: the last one of a job counts. OFFSET keeps the look-ups one for each
-- job: joined, they would read all outcomes there are.
SELECT u.id, c.token, c.lease_expires_at, u.attempt, c.recorded_at
FROM crier.job_claim c
CROSS JOIN LATERAL unnest(c.job_ids, c.attempts) AS u (id, attempt)
WHERE c.recorded_at >= $1
  AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = u.id OFFSET 0)
  AND NOT EXISTS (SELECT 1 FROM crier.job_retry r
                  WHERE r.id = u.id
                    AND r.retried_at > '2000-01-01 00:00:00+00'::timestamptz + c.token * interval '1 microsecond' OFFSET 0)
ORDER BY c.recorded_at
