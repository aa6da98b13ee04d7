-- How jobs of each kind are treated.
SELECT kind, action, max_attempts, first_delay, max_delay, jitter, user_limit, owner_concurrency FROM crier.job_kind
