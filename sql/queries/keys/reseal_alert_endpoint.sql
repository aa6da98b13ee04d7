-- Compare and swap, as reseal_credential.sql.
UPDATE crier.alert_endpoint SET sealed = $5
WHERE workspace_id IS NOT DISTINCT FROM $1 AND id = $2 AND $3 = 1 AND sealed = $4
RETURNING id
