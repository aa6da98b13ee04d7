-- Those among posts of a job's account that are another target's, and when that one was sent last.
SELECT o.external_id, o.intent_at
FROM crier.post_target t
JOIN crier.post_target o ON o.workspace_id = t.workspace_id AND o.account_id = t.account_id AND o.id <> t.id
WHERE t.job_id = $1 AND o.external_id = ANY ($2::text[])
