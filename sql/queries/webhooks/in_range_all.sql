-- Webhooks received from a time on and before another, the oldest first, of a platform or all.
SELECT e.id, e.workspace_id
FROM crier.webhook_event e
WHERE e.id >= crier.first_id($1) AND e.id < coalesce(crier.first_id($2), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  AND ($3::text IS NULL OR e.platform = $3)
ORDER BY e.id
LIMIT $4
