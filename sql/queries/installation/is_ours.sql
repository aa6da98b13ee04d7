-- The table's own oid tells a table that was restored over the old one in the same database. Rows that came by a
-- restore of the data alone stand beside ours, and one stranger among them is enough.
SELECT coalesce(bool_and(system_identifier = $1 AND database_oid = $2 AND table_oid = 'crier.installation'::regclass), false)
FROM crier.installation
