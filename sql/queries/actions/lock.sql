SELECT job_id, state FROM crier.account_action WHERE job_id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
