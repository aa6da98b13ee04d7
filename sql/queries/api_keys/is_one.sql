SELECT 1 FROM crier.api_key WHERE id = $1
