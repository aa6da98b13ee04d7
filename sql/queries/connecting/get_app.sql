SELECT id, generation, sealed, checked_at
FROM crier.app_registration
WHERE platform = $1 AND server = $2 AND redirect_uri = $3 AND sealed IS NOT NULL
