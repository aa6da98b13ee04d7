-- Notes a delivery. No row: it was received before, or is received by somebody else at this moment, whose end is waited for.
INSERT INTO crier.webhook_delivery (source, delivery_key, received_at) VALUES ($1, $2, $3)
ON CONFLICT (source, delivery_key) DO NOTHING
RETURNING true
