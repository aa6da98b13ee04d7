SELECT max(version) FROM crier.migration
