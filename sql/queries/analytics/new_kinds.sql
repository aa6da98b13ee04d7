-- Those of these kinds that their workspaces have not brought yet.
SELECT DISTINCT k.workspace_id, k.kind
FROM unnest($1::uuid[], $2::text[]) AS k (workspace_id, kind)
WHERE NOT EXISTS (SELECT FROM crier.analytics_kind q WHERE q.workspace_id = k.workspace_id AND q.kind = k.kind)
