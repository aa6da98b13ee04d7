UPDATE crier.webhook_event SET kinds = $2, processed_at = $3 WHERE id = $1
