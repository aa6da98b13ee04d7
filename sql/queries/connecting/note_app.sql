UPDATE crier.app_registration
SET checked_at = CASE WHEN $3 THEN $4 END, used_at = $4
WHERE id = $1 AND generation = $2
