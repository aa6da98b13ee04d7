UPDATE crier.data_key SET state = 'retired', retired_at = $3
WHERE id = $1 AND workspace_id IS NOT DISTINCT FROM $2 AND state = 'active'
RETURNING id
