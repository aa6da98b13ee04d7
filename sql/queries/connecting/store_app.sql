UPDATE crier.app_registration
SET generation = $2, sealed = $3, leased_until = NULL, checked_at = $4, used_at = $4
WHERE id = $1 AND generation = $2 - 1
RETURNING id
