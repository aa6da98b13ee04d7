-- NO KEY: posts and accounts of the workspace may be made meanwhile.
SELECT 1 FROM crier.workspace WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE
