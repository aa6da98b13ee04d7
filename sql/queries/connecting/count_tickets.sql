-- Up to the most there may be: who makes more waits until some have been used or are over.
SELECT count(*) FROM (
    SELECT FROM crier.oauth_state WHERE workspace_id = $1 AND expires_at > $2 LIMIT $3
) AS open
