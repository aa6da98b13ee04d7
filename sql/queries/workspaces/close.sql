-- Nobody's from now on, and without tokens. What is left is crier.purge_workspaces()'s.
WITH members AS (
    DELETE FROM crier.workspace_member WHERE workspace_id = $1
), invitations AS (
    DELETE FROM crier.workspace_invitation WHERE workspace_id = $1
), api_keys AS (
    DELETE FROM crier.api_key WHERE workspace_id = $1
), credentials AS (
    DELETE FROM crier.credential WHERE workspace_id = $1
), endpoints AS (
    DELETE FROM crier.alert_endpoint WHERE workspace_id = $1
), logins AS (
    -- what comes back from the platform finds nothing to go on with
    DELETE FROM crier.oauth_state WHERE workspace_id = $1
), keys AS (
    -- what is left of sealed values, in backups too, opens with nothing
    DELETE FROM crier.data_key WHERE workspace_id = $1
)
UPDATE crier.workspace SET deleted_at = $2 WHERE id = $1
