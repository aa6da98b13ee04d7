SELECT crier.ensure_partitions()
