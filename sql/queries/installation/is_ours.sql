SELECT system_identifier = $1 AND database_oid = $2 FROM crier.installation
