-- The endpoints of a workspace, of some, or all, with what waits for each: counted up to $3.
SELECT e.id, e.workspace_id, e.url, e.kinds, e.enabled, e.disabled_because, e.created_at, e.last_success_at, e.last_failure_at,
       e.last_error, e.failing_since,
       (SELECT count(*) FROM (SELECT FROM crier.job_key k
                              WHERE k.kind = 'deliver_alert' AND left(k.dedupe_key, 36) = e.id::text LIMIT $3) AS w)
FROM crier.alert_endpoint e
WHERE ($1::uuid IS NULL OR e.workspace_id = $1) AND ($2::uuid[] IS NULL OR e.workspace_id = ANY ($2))
ORDER BY e.workspace_id NULLS FIRST, e.id
