-- A schedule that will publish with an account.
SELECT s.id FROM crier.schedule s
WHERE s.workspace_id = $1 AND s.state <> 'ended'
  AND (s.template -> 'accounts' ? $2::uuid::text
       OR EXISTS (SELECT FROM crier.schedule_item i
                  WHERE i.workspace_id = s.workspace_id AND i.schedule_id = s.id AND $2::uuid = ANY (i.accounts)))
ORDER BY s.id
LIMIT 1
