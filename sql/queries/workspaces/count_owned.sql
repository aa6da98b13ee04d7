-- How many workspaces a user owns, $2 at most.
SELECT count(*) FROM (SELECT FROM crier.workspace_member m WHERE m.user_id = $1 AND m.role = 'owner' LIMIT $2) owned
