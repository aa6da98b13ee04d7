SELECT version FROM crier.migration ORDER BY version
