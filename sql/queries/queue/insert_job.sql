-- Appends one job: a set of arrays would cost more than the row.
INSERT INTO crier.job (id, kind, params, workspace_id, user_id, account_id, platform, priority, run_at, max_attempts, expires_at,
                       dedupe_key, created_at, host)
VALUES ($1, $2, $3::text::jsonb, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
