-- An account without tokens, that nobody finds any more but what was published with it.
WITH credential AS (
    DELETE FROM crier.credential WHERE workspace_id = $1 AND account_id = $2
    RETURNING generation
), logins AS (
    -- what comes back from the platform finds nothing to go on with
    DELETE FROM crier.oauth_state WHERE workspace_id = $1 AND account_id = $2
)
UPDATE crier.social_account a
SET status = 'disconnected', status_reason = NULL, deleted_at = $3, updated_at = $3,
    -- one more than it was: a renewal that is under way would store that one
    past_generation = greatest(a.past_generation, (SELECT c.generation + 1 FROM credential c))
WHERE a.workspace_id = $1 AND a.id = $2
