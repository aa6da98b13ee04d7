SELECT job_id, state FROM crier.post_target WHERE job_id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
