-- What became of a delivery. $4: the error, null where it arrived; $5: the endpoint says that it is gone. One that has taken
-- nothing since $6 is disabled.
UPDATE crier.alert_endpoint
SET last_success_at = CASE WHEN $4 IS NULL THEN $3 ELSE last_success_at END,
    last_failure_at = CASE WHEN $4 IS NULL THEN last_failure_at ELSE $3 END,
    last_error = $4,
    failing_since = CASE WHEN $4 IS NOT NULL THEN coalesce(failing_since, $3) END,
    enabled = enabled AND ($4 IS NULL OR NOT ($5 OR coalesce(failing_since < $6, false))),
    disabled_because = CASE WHEN NOT enabled OR $4 IS NULL THEN disabled_because
                            WHEN $5 THEN 'gone'
                            WHEN failing_since < $6 THEN 'failing' END
WHERE id = $1 AND workspace_id IS NOT DISTINCT FROM $2
