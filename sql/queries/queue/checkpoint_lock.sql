SELECT pg_advisory_xact_lock(hashtextextended('crier.checkpoint', 0))
