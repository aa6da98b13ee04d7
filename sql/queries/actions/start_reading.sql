-- The post whose figures a job is to read, and its account: none where it is not there any more, or another account's.
SELECT t.external_id, t.account_id, t.platform, a.external_id, a.handle, a.base_url, a.status
FROM crier.job j
JOIN crier.post_target t ON t.workspace_id = j.workspace_id AND t.id = (j.params ->> 'target_id')::uuid
JOIN crier.social_account a ON a.workspace_id = t.workspace_id AND a.id = t.account_id
WHERE j.id = $1 AND j.params ->> 'target_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  AND t.account_id = j.account_id AND t.state = 'published' AND t.external_id IS NOT NULL AND t.deleted_at IS NULL
  AND t.external_id IS DISTINCT FROM t.platform_key
