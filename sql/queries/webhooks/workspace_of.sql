-- The workspace of a received webhook, which may have none; $2: only within these.
SELECT workspace_id FROM crier.webhook_event WHERE id = $1 AND ($2::uuid[] IS NULL OR workspace_id = ANY ($2))
