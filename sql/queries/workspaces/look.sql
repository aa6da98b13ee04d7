-- The roles of two users in a workspace, whether it has an owner besides the second, and whether that one is an API key of it.
SELECT (SELECT role FROM crier.workspace_member WHERE workspace_id = $1 AND user_id = $2),
       (SELECT role FROM crier.workspace_member WHERE workspace_id = $1 AND user_id = $3),
       EXISTS (SELECT 1 FROM crier.workspace_member WHERE workspace_id = $1 AND user_id <> $3 AND role = 'owner'),
       EXISTS (SELECT 1 FROM crier.api_key WHERE workspace_id = $1 AND id = $3)
