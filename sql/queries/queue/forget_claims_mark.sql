DELETE FROM crier.job_claim_mark
