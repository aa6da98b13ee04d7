SELECT pg_advisory_xact_lock(hashtextextended('crier.migrate', 0))
