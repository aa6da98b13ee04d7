INSERT INTO crier.migration (version, name, checksum) VALUES ($1, $2, $3)
