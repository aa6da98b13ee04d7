DELETE FROM crier.pause WHERE scope = $1 AND name = $2 RETURNING 1
