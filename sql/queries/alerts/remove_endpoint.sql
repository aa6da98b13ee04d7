-- What waits for it is canceled when its turn comes.
DELETE FROM crier.alert_endpoint WHERE id = $1
