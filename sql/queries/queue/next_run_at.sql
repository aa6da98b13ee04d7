SELECT min(run_at)
FROM crier.job
WHERE state IN ('pending', 'retrying') AND ($1::text[] IS NULL OR kind = ANY ($1))
