WITH gone AS (DELETE FROM crier.installation RETURNING system_identifier, database_oid, table_oid, former)
INSERT INTO crier.installation (system_identifier, database_oid, table_oid, former)
SELECT $1::text, $2::oid, 'crier.installation'::regclass,
       -- who it was before, the last hundred times
       ARRAY(SELECT f.id
             FROM (SELECT format('%s/%s/%s', system_identifier, database_oid, table_oid::oid) AS id, 0 AS ago FROM gone
                   UNION ALL
                   SELECT u.id, u.ago FROM gone, unnest(former) WITH ORDINALITY AS u (id, ago)) f
             WHERE f.id <> format('%s/%s/%s', $1::text, $2::oid, 'crier.installation'::regclass::oid)
             GROUP BY f.id ORDER BY min(f.ago), f.id LIMIT 100)
