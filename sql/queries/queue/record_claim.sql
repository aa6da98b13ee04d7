INSERT INTO crier.job_claim (recorded_at, token, worker, lease_expires_at, job_ids, attempts) VALUES ($1, $2, $3, $4, $5, $6)
