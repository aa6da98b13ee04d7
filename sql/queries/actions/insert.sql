INSERT INTO crier.account_action (workspace_id, id, account_id, platform, kind, subject, text, target_id, user_id, job_id, run_at,
                                  created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
