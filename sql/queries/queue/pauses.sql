SELECT scope, name FROM crier.pause
