-- The days of a table whose partition has the index that crier.index_history() makes, as days since 1970.
SELECT to_date(substring(c.relname FROM '_([0-9]{8})$'), 'YYYYMMDD') - date '1970-01-01'
FROM pg_inherits h
JOIN pg_class c ON c.oid = h.inhrelid AND c.relname ~ ('^' || $1 || '_[0-9]{8}$')
JOIN pg_index x ON x.indrelid = c.oid AND x.indisvalid
JOIN pg_class i ON i.oid = x.indexrelid AND i.relname = c.relname || '_' || $2
WHERE h.inhparent = to_regclass('crier.' || $1)
ORDER BY 1 DESC
