DELETE FROM crier.job_outcome WHERE id = ANY ($1::uuid[]) AND state = 'failed' RETURNING id
