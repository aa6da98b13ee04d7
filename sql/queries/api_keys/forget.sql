-- Keys that have expired are no members any more. Of those that have ended the newest hundred stay, to be named in lists.
WITH ended AS MATERIALIZED (
    SELECT k.id, row_number() OVER (ORDER BY k.id DESC) AS place
    FROM crier.api_key k WHERE k.workspace_id = $1 AND (k.revoked_at IS NOT NULL OR k.expires_at <= $2)
), members AS (
    DELETE FROM crier.workspace_member m USING ended e WHERE m.workspace_id = $1 AND m.user_id = e.id
)
DELETE FROM crier.api_key k USING ended e WHERE k.id = e.id AND e.place > 100
