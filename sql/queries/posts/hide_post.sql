-- Off the lists, and nothing of it holds a slot any more.
WITH freed AS (
    DELETE FROM crier.slot_booking WHERE workspace_id = $1 AND post_id = $2
)
UPDATE crier.post SET deleted_at = $3, updated_at = $3 WHERE workspace_id = $1 AND id = $2
