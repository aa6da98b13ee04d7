-- How many kinds a workspace has brought, and all of them: a few thousand at most.
SELECT (SELECT count(*) FROM crier.open_kind WHERE workspace_id = $1), (SELECT count(*) FROM crier.open_kind)
