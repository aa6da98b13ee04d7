-- Takes a step: whoever comes second finds no such hash any more. What was sealed is answered for the last time.
WITH taken AS MATERIALIZED (
    SELECT s.workspace_id, s.id, s.sealed
    FROM crier.oauth_state s
    WHERE s.hash = $1 AND s.stage = $2 AND s.expires_at > $4
      AND EXISTS (SELECT FROM crier.workspace w WHERE w.id = s.workspace_id AND w.deleted_at IS NULL)
    FOR UPDATE
), stepped AS (
    UPDATE crier.oauth_state s SET stage = $3, hash = NULL, sealed = NULL
    FROM taken t
    WHERE s.workspace_id = t.workspace_id AND s.id = t.id
    RETURNING s.workspace_id, s.id, s.user_id, s.platform, s.server, s.account_id, s.return_url, s.browser_hash, t.sealed
)
-- An account that has to log in again says where it is; later on, crierd has said which server that means.
SELECT s.workspace_id, s.id, s.user_id, s.platform,
       CASE WHEN $2 = 'ticket' THEN coalesce(a.base_url, s.server) ELSE s.server END,
       s.account_id, a.external_id, a.handle, s.return_url, s.browser_hash, s.sealed,
       s.user_id IS NULL OR EXISTS (
           SELECT FROM crier.workspace_member m
           WHERE m.workspace_id = s.workspace_id AND m.user_id = s.user_id AND m.role IN ('owner', 'admin'))
FROM stepped s
LEFT JOIN crier.social_account a ON a.workspace_id = s.workspace_id AND a.id = s.account_id
