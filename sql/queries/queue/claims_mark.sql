SELECT max(claims_from) FROM crier.job_claim_mark
