-- The first of these accounts that its workspace does not have: its place among them, from 1 on.
SELECT r.place
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS r (workspace_id, account_id, place)
WHERE r.account_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM crier.social_account a WHERE a.workspace_id = r.workspace_id AND a.id = r.account_id)
ORDER BY r.place
LIMIT 1
