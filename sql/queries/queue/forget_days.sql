DELETE FROM crier.job_day
