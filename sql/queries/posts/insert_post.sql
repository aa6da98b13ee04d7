INSERT INTO crier.post (workspace_id, id, author_id, content, media, settings, scheduled_at, created_at, thread, stage, accounts,
                        variants, first_comment, split, priority, next_slot, schedule_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
