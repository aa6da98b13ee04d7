-- The slots of an account that posts have, from a time on. Compared and ordered as in jobs_of_workspaces.sql.
SELECT t.at
FROM crier.slot_booking t
WHERE t.workspace_id >= $1 AND t.workspace_id <= $1 AND t.account_id >= $2 AND t.account_id <= $2
  AND (t.workspace_id, t.account_id, t.at) >= ($1, $2, $3)
ORDER BY t.workspace_id, t.account_id, t.at
LIMIT $4
