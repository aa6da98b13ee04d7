WITH gone AS (DELETE FROM crier.installation)
INSERT INTO crier.installation (system_identifier, database_oid, table_oid)
VALUES ($1, $2, 'crier.installation'::regclass)
