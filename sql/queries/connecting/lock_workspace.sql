-- Two who count at the same time would both find room.
SELECT 1 FROM crier.workspace WHERE id = $1 FOR NO KEY UPDATE
