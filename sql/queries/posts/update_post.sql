UPDATE crier.post
SET content = $3, media = $4, settings = $5, accounts = $6, variants = $7, thread = $8, first_comment = $9, split = $10,
    priority = $11, updated_at = $12
WHERE workspace_id = $1 AND id = $2
