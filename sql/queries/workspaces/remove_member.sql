-- What they invited others to goes with them.
WITH cut AS (
    DELETE FROM crier.workspace_invitation WHERE workspace_id = $1 AND invited_by = $2
)
DELETE FROM crier.workspace_member WHERE workspace_id = $1 AND user_id = $2
