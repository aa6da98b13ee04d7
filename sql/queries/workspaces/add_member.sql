WITH invited AS (
    DELETE FROM crier.workspace_invitation WHERE workspace_id = $1 AND user_id = $2
)
INSERT INTO crier.workspace_member (workspace_id, user_id, role, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace_id, user_id) DO NOTHING
RETURNING user_id
