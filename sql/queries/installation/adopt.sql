INSERT INTO crier.installation (system_identifier, database_oid) VALUES ($1, $2)
ON CONFLICT (only_row) DO UPDATE
    SET system_identifier = excluded.system_identifier, database_oid = excluded.database_oid, adopted_at = now()
