-- Brings kinds to workspaces.
INSERT INTO crier.analytics_kind (workspace_id, kind)
SELECT DISTINCT k.workspace_id, k.kind FROM unnest($1::uuid[], $2::text[]) AS k (workspace_id, kind)
ON CONFLICT DO NOTHING
