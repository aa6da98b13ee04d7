-- An occurrence whose post was taken back is to be decided again, and what was used for it was not.
WITH gone AS (
    DELETE FROM crier.schedule_occurrence o
    WHERE o.workspace_id = $1 AND o.schedule_id = $2 AND o.occurs_at = $3
    RETURNING o.item_id, o.item_used_before, o.accounts
), item AS (
    UPDATE crier.schedule_item i
    SET uses = greatest(i.uses - 1, 0), turn = i.turn - 2520 / i.weight, last_used_at = g.item_used_before
    FROM gone g
    WHERE i.workspace_id = $1 AND i.id = g.item_id
)
UPDATE crier.schedule_account a
SET last_used_at = coalesce((SELECT o.occurs_at FROM crier.schedule_occurrence o
                             WHERE o.workspace_id = $1 AND o.schedule_id = $2 AND o.occurs_at < $3 AND a.account_id = ANY (o.accounts)
                             ORDER BY o.occurs_at DESC LIMIT 1), '-infinity')
FROM gone g
WHERE a.workspace_id = $1 AND a.schedule_id = $2 AND a.account_id = ANY (g.accounts)
