-- The partitions of days that ended before an id and are not noted yet, where no transaction that has added jobs is open:
-- such a one keeps its lock until its jobs can be seen.
SELECT d.first_id, d.end_id
FROM (
    SELECT i.inhrelid, b.bounds[1]::uuid AS first_id, b.bounds[2]::uuid AS end_id
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(\S+)''\) TO \(''(\S+)''\)') AS b (bounds)
    WHERE i.inhparent = 'crier.job'::regclass AND b.bounds IS NOT NULL
) d
WHERE d.end_id <= $1
  AND NOT EXISTS (SELECT 1 FROM crier.job_day n WHERE n.first_id = d.first_id)
  AND NOT EXISTS (SELECT 1 FROM pg_locks l
                  WHERE l.relation = d.inhrelid AND l.database = $2 AND l.mode = 'RowExclusiveLock')
ORDER BY d.first_id
