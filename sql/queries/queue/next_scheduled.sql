-- When the next job that is not in memory falls due. Looks at a thousand of them: where none of those is wanted and
-- unfinished, the time of the last one is early enough to ask again.
WITH near AS (
    SELECT s.run_at, s.id FROM crier.job_scheduled s WHERE s.run_at > $1 ORDER BY s.run_at, s.id LIMIT 1000
)
SELECT coalesce((
           SELECT n.run_at
           FROM (SELECT m.run_at, m.id FROM near m ORDER BY m.run_at OFFSET 0) n
           CROSS JOIN LATERAL (SELECT q.kind FROM crier.job q WHERE q.id = n.id LIMIT 1) j
           WHERE ($2::text[] IS NULL OR j.kind = ANY ($2))
             AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = n.id OFFSET 0)
           ORDER BY n.run_at
           LIMIT 1),
       (SELECT max(n.run_at) FROM near n HAVING count(*) = 1000))
