SELECT job_id, state, was_unclear FROM crier.post_target WHERE job_id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
