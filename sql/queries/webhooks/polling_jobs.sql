-- The jobs of an account that wait to see what became of something: the platform's id of it is their key, or is in what they
-- prepared. Targets that are published have an external_id.
SELECT t.job_id
FROM crier.post_target t
WHERE t.workspace_id = $1 AND t.account_id = $2 AND t.external_id IS NULL
  AND t.state IN ('queued', 'preparing', 'committing', 'unknown')
  AND (t.platform_key = ANY ($3::text[])
       OR jsonb_path_exists(t.prepared, '$.** ? (@ == $ids[*])', jsonb_build_object('ids', to_jsonb($3::text[]))))
ORDER BY t.job_id
LIMIT 100
