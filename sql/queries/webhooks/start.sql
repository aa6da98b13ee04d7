-- A received webhook that is to be processed. No row: it is gone, or another tenant's.
SELECT e.platform, e.source, e.external_id, e.account_id, e.payload, e.received_at
FROM crier.webhook_event e
JOIN crier.job j ON j.id = $1 AND j.workspace_id IS NOT DISTINCT FROM e.workspace_id
WHERE e.id = $2
