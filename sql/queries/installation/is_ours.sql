-- The table's own oid tells a table that was restored over the old one in the same database. Rows that came by a
-- restore of the data alone stand beside ours, and one stranger among them is enough. A table that a subscription writes is somebody else's too.
SELECT coalesce(bool_and(system_identifier = $1 AND database_oid = $2 AND table_oid = 'crier.installation'::regclass), false)
       AND NOT EXISTS (SELECT FROM pg_subscription_rel r JOIN pg_class c ON c.oid = r.srrelid
                       WHERE c.relnamespace = 'crier'::regnamespace)
FROM crier.installation
