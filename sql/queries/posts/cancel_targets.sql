-- Targets that are not to be published; the parts behind them neither.
UPDATE crier.post_target SET state = 'canceled', updated_at = $3 WHERE workspace_id = $1 AND id = ANY ($2::uuid[])
