-- Jobs of a user, the newest first, whatever their workspace: who may see them is asked of each.
SELECT t.id
FROM crier.job t
WHERE t.user_id = $4 AND t.id >= $1 AND t.id < $2
ORDER BY t.id DESC
LIMIT $3
