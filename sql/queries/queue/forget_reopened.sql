-- Those that ended since, or are no longer there.
DELETE FROM crier.job_reopened r
WHERE EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = r.id OFFSET 0)
   OR NOT EXISTS (SELECT 1 FROM crier.job j WHERE j.id = r.id OFFSET 0)
