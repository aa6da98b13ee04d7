-- A workspace at a glance. At most $2 posts and as many jobs are looked at, the newest: both are found by their keys.
-- As a span and sorted by the workspace too, so that no other index than that of workspaces gives the order.
WITH some_posts AS MATERIALIZED (
    SELECT p.id, p.stage FROM crier.post p WHERE p.workspace_id >= $1 AND p.workspace_id <= $1 AND p.deleted_at IS NULL
    ORDER BY p.workspace_id DESC, p.id DESC LIMIT $2
), posts AS (
    SELECT CASE WHEN p.stage = 'scheduled' THEN crier.post_state(t.states) ELSE p.stage END AS state, count(*) AS posts
    FROM some_posts p
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(pt.state ORDER BY pt.id), '{}') AS states
        FROM crier.post_target pt WHERE pt.workspace_id = $1 AND pt.post_id = p.id
    ) t
    GROUP BY 1
), some_jobs AS MATERIALIZED (
    SELECT j.id FROM crier.job j WHERE j.workspace_id >= $1 AND j.workspace_id <= $1
    ORDER BY j.workspace_id DESC, j.id DESC LIMIT $2
), jobs AS (
    SELECT coalesce(o.state, 'unfinished') AS state, count(*) AS jobs
    FROM some_jobs j
    LEFT JOIN LATERAL (SELECT q.state FROM crier.job_outcome q WHERE q.id = j.id OFFSET 0) o ON true
    GROUP BY 1
), accounts AS (
    SELECT a.status, count(*) AS accounts FROM crier.social_account a
    WHERE a.workspace_id = $1 AND a.deleted_at IS NULL GROUP BY 1
)
SELECT coalesce((SELECT jsonb_object_agg(state, posts) FROM posts), '{}'),
       coalesce((SELECT jsonb_object_agg(state, jobs) FROM jobs), '{}'),
       coalesce((SELECT jsonb_object_agg(status, accounts) FROM accounts), '{}'),
       (SELECT count(*) FROM crier.workspace_member m
        WHERE m.workspace_id = $1 AND NOT EXISTS (SELECT FROM crier.api_key k WHERE k.id = m.user_id OFFSET 0)),
       greatest((SELECT e.created_at FROM crier.event e WHERE e.workspace_id >= $1 AND e.workspace_id <= $1
                 ORDER BY e.workspace_id DESC, e.id DESC LIMIT 1),
                (SELECT p.created_at FROM crier.post p WHERE p.workspace_id >= $1 AND p.workspace_id <= $1
                 ORDER BY p.workspace_id DESC, p.id DESC LIMIT 1),
                (SELECT j.created_at FROM crier.job j WHERE j.workspace_id >= $1 AND j.workspace_id <= $1
                 ORDER BY j.workspace_id DESC, j.id DESC LIMIT 1)),
       (SELECT count(*) FROM some_posts) < $2 AND (SELECT count(*) FROM some_jobs) < $2
