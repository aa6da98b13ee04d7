-- What was used or taken back at different times.
INSERT INTO crier.limit_use (recorded_at, account_ids, actions, counts)
SELECT recorded_at, ARRAY[account_id], ARRAY[action], ARRAY[count]
FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::int[]) AS i (recorded_at, account_id, action, count)
