-- The jobs among those named that are noted for the time named: they come back when it is near.
SELECT i.id
FROM unnest($1::uuid[], $2::timestamptz[]) AS i (id, run_at)
JOIN crier.job_scheduled s ON s.run_at = i.run_at AND s.id = i.id
