INSERT INTO crier.post (workspace_id, id, author_id, content, media, settings, scheduled_at, created_at, thread)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
