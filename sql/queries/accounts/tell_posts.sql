-- Tells posts that an account is no longer among those they are published with.
INSERT INTO crier.event (workspace_id, id, kind, account_id, post_id, payload, created_at)
SELECT $1, o.id, 'post_canceled', $2, o.post_id, $5, $6
FROM unnest($3::uuid[], $4::uuid[]) AS o (id, post_id)
