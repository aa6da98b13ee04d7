UPDATE crier.app_registration SET leased_until = NULL WHERE id = $1 AND generation = $2 - 1
