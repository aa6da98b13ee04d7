SELECT pg_advisory_xact_lock(hashtextextended('crier.user_limit ' || $1::uuid || $2, 0))
