-- A deleted post of which platforms have something. What failed of it is not tried again.
WITH hidden AS (
    UPDATE crier.post SET deleted_at = $3, updated_at = $3 WHERE workspace_id = $1 AND id = $2
)
UPDATE crier.post_target SET state = 'canceled', updated_at = $3 WHERE workspace_id = $1 AND post_id = $2 AND state = 'failed'
