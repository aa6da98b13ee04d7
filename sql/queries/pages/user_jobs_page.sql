-- These jobs, in the same order. LIMIT: see jobs_items.sql.
SELECT v.id, v.workspace_id, v.user_id, v.account_id, v.platform, v.kind, v.params, v.priority, v.state, v.run_at, v.attempt,
       v.max_attempts, v.progress, v.result, v.error, v.created_at, v.finished_at
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT * FROM crier.jobs v WHERE v.id = i.id LIMIT 1) v
ORDER BY i.place
