-- Lifts blocks: of a server (the nil uuid), of an account (an empty action), or of one of its actions; those that somebody
-- set, or all but a pause, which is lifted as one.
DELETE FROM crier.limit_block
WHERE platform = $1 AND host = $2 AND account_id = $3 AND action = $4 AND CASE WHEN $5::text IS NULL THEN set_by <> 'pause' ELSE set_by = $5 END
RETURNING until
