UPDATE crier.webhook_event SET replays = replays + 1 WHERE id = ANY ($1::uuid[])
