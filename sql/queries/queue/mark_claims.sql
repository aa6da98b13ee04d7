-- Moves the mark forward, never back.
WITH older AS (
    DELETE FROM crier.job_claim_mark WHERE claims_from < $1
)
INSERT INTO crier.job_claim_mark (claims_from)
SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM crier.job_claim_mark WHERE claims_from >= $1)
