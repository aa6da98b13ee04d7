SELECT version, name, checksum FROM crier.migration ORDER BY version
