UPDATE crier.schedule
SET name = $3, template = $4, rule = $5, starts = $6, zone = $7, ends = $8, exceptions = $9, additions = $10, missed = $11,
    priority = $12, item_rest = $13, account_rest = $14, next_at = $15, cursor_at = $16, cursor_wall = NULL, is_waiting = false,
    updated_at = $17
WHERE workspace_id = $1 AND id = $2
