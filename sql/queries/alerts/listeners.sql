-- Who hears of these workspaces: their endpoints and the operator's, what each wants to hear, and how many more alerts may wait
-- for it, of $2.
SELECT e.id, e.workspace_id, e.kinds,
       $2 - (SELECT count(*) FROM (SELECT FROM crier.job_key k
                                   WHERE k.kind = 'deliver_alert' AND left(k.dedupe_key, 36) = e.id::text LIMIT $2) AS w)
FROM crier.alert_endpoint e
WHERE e.enabled AND (e.workspace_id IS NULL OR e.workspace_id = ANY ($1::uuid[]))
