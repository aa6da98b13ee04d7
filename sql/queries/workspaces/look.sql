-- The roles of two users in a workspace, and whether it has an owner besides the second.
SELECT (SELECT role FROM crier.workspace_member WHERE workspace_id = $1 AND user_id = $2),
       (SELECT role FROM crier.workspace_member WHERE workspace_id = $1 AND user_id = $3),
       EXISTS (SELECT 1 FROM crier.workspace_member WHERE workspace_id = $1 AND user_id <> $3 AND role = 'owner')
