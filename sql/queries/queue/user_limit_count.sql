-- How many unfinished jobs of a kind a user has: each holds a key.
SELECT count(*) FROM crier.job_key WHERE workspace_id = $1 AND kind = $2
