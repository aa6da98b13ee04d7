-- What became of a delivery. $4: the error, null where it arrived; $5: why nothing can arrive there any more. One that has taken
-- nothing since $6 is disabled, if it was tried all the time: a pause in which nothing was sent, longer than there is between two
-- attempts, begins the count anew.
UPDATE crier.alert_endpoint e
SET last_success_at = CASE WHEN $4 IS NULL THEN $3 ELSE e.last_success_at END,
    last_failure_at = CASE WHEN $4 IS NULL THEN e.last_failure_at ELSE $3 END,
    last_error = $4,
    failing_since = CASE WHEN $4 IS NOT NULL THEN coalesce(CASE WHEN e.last_failure_at >= p.begin THEN e.failing_since END, $3) END,
    enabled = e.enabled AND ($4 IS NULL OR NOT ($5 IS NOT NULL OR coalesce(e.failing_since < $6 AND e.last_failure_at >= p.begin, false))),
    disabled_because = CASE WHEN NOT e.enabled OR $4 IS NULL THEN e.disabled_because
                            WHEN $5 IS NOT NULL THEN $5
                            WHEN e.failing_since < $6 AND e.last_failure_at >= p.begin THEN 'failing' END
FROM (SELECT $3 - greatest(interval '1 day', 2 * max(k.max_delay)) AS begin FROM crier.job_kind k WHERE k.kind = 'deliver_alert') p
WHERE e.id = $1 AND e.workspace_id IS NOT DISTINCT FROM $2
