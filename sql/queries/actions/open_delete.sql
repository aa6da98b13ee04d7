-- The action that takes a target back, if it is not finished.
SELECT id FROM crier.account_action
WHERE workspace_id = $1 AND target_id = $2 AND finished_at IS NULL
LIMIT 1
