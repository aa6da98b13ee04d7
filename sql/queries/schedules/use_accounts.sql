INSERT INTO crier.schedule_account AS a (workspace_id, schedule_id, account_id, last_used_at)
SELECT $1, $2, account_id, $4 FROM unnest($3::uuid[]) AS o (account_id)
ON CONFLICT (workspace_id, schedule_id, account_id) DO UPDATE SET last_used_at = greatest(a.last_used_at, excluded.last_used_at)
