-- One that is enabled begins anew: what it failed before no longer counts.
UPDATE crier.alert_endpoint
SET enabled = $2,
    disabled_because = CASE WHEN $2 THEN NULL ELSE coalesce(disabled_because, 'asked') END,
    failing_since = CASE WHEN $2 AND NOT enabled THEN NULL ELSE failing_since END
WHERE id = $1
