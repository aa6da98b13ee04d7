UPDATE crier.workspace SET approval = $2 WHERE id = $1
