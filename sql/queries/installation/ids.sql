-- This database first, then what it was before it was adopted.
SELECT ARRAY[format('%s/%s/%s', system_identifier, database_oid, table_oid)] || former FROM crier.installation
