UPDATE crier.job SET lease_expires_at = greatest(lease_expires_at, $2) WHERE id = $1
