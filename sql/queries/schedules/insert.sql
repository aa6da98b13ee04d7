INSERT INTO crier.schedule (workspace_id, id, author_id, name, kind, template, rule, starts, zone, ends, exceptions, additions, missed,
                            priority, item_rest, account_rest, next_at, cursor_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
