SELECT id, workspace_id, wrapped, state, messages FROM crier.data_key
WHERE key_id = $1 AND id > $2
ORDER BY id LIMIT $3
