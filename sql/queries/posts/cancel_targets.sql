-- Targets that are not to be published; the parts behind them neither. Their slots are free again.
WITH canceled AS (
    UPDATE crier.post_target SET state = 'canceled', updated_at = $3 WHERE workspace_id = $1 AND id = ANY ($2::uuid[])
    RETURNING workspace_id, post_id, account_id, part
)
DELETE FROM crier.slot_booking b
USING canceled c
WHERE c.part = 0 AND b.workspace_id = c.workspace_id AND b.post_id = c.post_id AND b.account_id = c.account_id
