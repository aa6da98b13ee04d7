-- The login of a secret, for who began it or a trusted caller.
SELECT s.workspace_id, s.id
FROM crier.oauth_state s
WHERE s.hash = sha256(convert_to($1, 'UTF8')) AND s.stage = 'granted' AND s.expires_at > $2 AND ($3 OR s.user_id = $4)
