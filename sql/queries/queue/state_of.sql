SELECT state FROM crier.jobs WHERE id = $1
