-- From the commit on it is no member. What it invited others to goes with it.
WITH member AS (
    DELETE FROM crier.workspace_member WHERE workspace_id = $1 AND user_id = $2
), invitations AS (
    DELETE FROM crier.workspace_invitation WHERE workspace_id = $1 AND invited_by = $2
)
UPDATE crier.api_key SET revoked_at = $3
WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL
RETURNING id
