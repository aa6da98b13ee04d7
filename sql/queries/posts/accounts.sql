-- The accounts among these, and who has to approve posts of the workspace: one row without an account where it has none of them.
SELECT a.id, a.platform, a.status, w.approval
FROM crier.workspace w
LEFT JOIN crier.social_account a ON a.workspace_id = w.id AND a.id = ANY ($2::uuid[]) AND a.deleted_at IS NULL
WHERE w.id = $1
