-- Posts that have slots of an account in a span, the first ones first. Compared and ordered as in jobs_of_workspaces.sql.
SELECT t.post_id, t.at
FROM crier.slot_booking t
WHERE t.workspace_id >= $1 AND t.workspace_id <= $1 AND t.account_id >= $5 AND t.account_id <= $5
  AND (t.workspace_id, t.account_id, t.at) >= ($1, $5, $2) AND (t.workspace_id, t.account_id, t.at) < ($1, $5, $3)
ORDER BY t.workspace_id, t.account_id, t.at
LIMIT $4
