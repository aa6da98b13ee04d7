-- The dedupe keys of jobs that ended are free again.
DELETE FROM crier.job_key WHERE job_id = ANY ($1::uuid[])
