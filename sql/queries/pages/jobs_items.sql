-- These rows of crier.jobs as an array of objects, in the same order, without the worker: who it was is a further search
-- for each. LIMIT has each job looked up by its id: joined as a whole, the planner may come to read all partitions.
SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY i.place), '[]')
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (
    SELECT v.id, v.workspace_id, v.user_id, v.account_id, v.platform, v.kind, v.params, v.priority, v.state, v.run_at,
           v.expires_at, v.dedupe_key, v.attempt, v.max_attempts, v.lost_leases, v.lease_expires_at, v.progress, v.result,
           v.error, v.created_at, v.finished_at
    FROM crier.jobs v
    WHERE v.id = i.id
    LIMIT 1
) r
