SELECT kind, max_attempts, first_delay, max_delay, jitter, user_limit FROM crier.job_kind WHERE kind = ANY ($1::text[])
