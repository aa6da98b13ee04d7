-- A received webhook that was processed, locked. $2: the workspace of its job.
SELECT e.account_id, e.platform, e.source, e.external_id, e.payload, e.received_at, e.replays
FROM crier.webhook_event e
WHERE e.id = $1 AND e.workspace_id IS NOT DISTINCT FROM $2
FOR NO KEY UPDATE
