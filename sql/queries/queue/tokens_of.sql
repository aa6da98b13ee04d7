-- The claims of one worker.
SELECT token FROM crier.job_claim WHERE recorded_at >= $1 AND worker = $2
