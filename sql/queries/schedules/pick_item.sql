-- The item whose turn it is: unused ones first, then the one that was used the least for its weight, then the one that has rested
-- for the longest. $3: it must not have been used since; $4: nor may one of its accounts ($5: those of the schedule).
SELECT i.id, i.template, i.last_used_at
FROM crier.schedule_item i
WHERE i.workspace_id = $1 AND i.schedule_id = $2
  AND (i.last_used_at IS NULL OR i.last_used_at <= $3)
  AND NOT EXISTS (SELECT FROM crier.schedule_account a
                  WHERE a.workspace_id = $1 AND a.schedule_id = $2 AND a.account_id = ANY (coalesce(i.accounts, $5::uuid[]))
                    AND a.last_used_at > $4)
ORDER BY i.workspace_id, i.schedule_id, (i.uses > 0), i.turn, i.last_used_at NULLS FIRST, i.id
LIMIT 1
