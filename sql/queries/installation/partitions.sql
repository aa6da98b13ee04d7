SELECT crier.ensure_partitions() UNION ALL SELECT crier.ensure_months()
