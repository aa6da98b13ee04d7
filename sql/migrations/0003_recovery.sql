-- The jobs of a user with the same params, for the results that are kept: a user may have a great many jobs.
CREATE INDEX job_user_params ON crier.job (user_id, jsonb_hash(params)) WHERE user_id IS NOT NULL;
