-- The newest figures of the post that a job has read; a figure that is not told stays as it was told last. What it has gained since
-- then is an event of the analytics. What was there before is locked first: two who read at once count nothing twice.
WITH target AS (
    SELECT t.workspace_id, t.id, t.post_id, t.account_id, t.platform
    FROM crier.job j
    JOIN crier.post_target t ON t.workspace_id = j.workspace_id AND t.id = (j.params ->> 'target_id')::uuid
    WHERE j.id = $1 AND j.params ->> 'target_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
), before AS MATERIALIZED (
    SELECT m.*
    FROM crier.post_metrics m
    WHERE (m.workspace_id, m.target_id) = (SELECT t.workspace_id, t.id FROM target t)
    FOR UPDATE
), stored AS (
    INSERT INTO crier.post_metrics AS m (workspace_id, target_id, views, likes, replies, shares, read_at)
    SELECT t.workspace_id, t.id, coalesce($2::bigint, b.views), coalesce($3::bigint, b.likes), coalesce($4::bigint, b.replies),
           coalesce($5::bigint, b.shares), $6::timestamptz
    FROM target t
    LEFT JOIN before b ON true
    ON CONFLICT (workspace_id, target_id) DO UPDATE
    SET views = excluded.views, likes = excluded.likes, replies = excluded.replies, shares = excluded.shares, read_at = excluded.read_at
    WHERE m.read_at < excluded.read_at
    RETURNING m.target_id
), gained AS (
    SELECT t.workspace_id, t.post_id, t.account_id, t.platform, f.kind, f.now - coalesce(f.before, 0) AS value
    FROM target t
    JOIN stored s ON s.target_id = t.id
    LEFT JOIN before b ON true
    CROSS JOIN LATERAL (VALUES ('metric_views', $2::bigint, b.views), ('metric_likes', $3::bigint, b.likes),
                               ('metric_replies', $4::bigint, b.replies), ('metric_shares', $5::bigint, b.shares))
               AS f (kind, now, before)
    WHERE f.now - coalesce(f.before, 0) <> 0
), told AS (
    INSERT INTO crier.analytics_event (workspace_id, id, at, kind, platform, account_id, post_id, value)
    SELECT g.workspace_id, crier.new_id(), $6::timestamptz, g.kind, g.platform, g.account_id, g.post_id, g.value FROM gained g
)
INSERT INTO crier.analytics_delta (id, workspace_id, hour, kind, platform, account_id, events, value)
SELECT crier.new_id(), g.workspace_id, date_trunc('hour', $6::timestamptz, 'UTC'), g.kind, g.platform, g.account_id, 1, g.value FROM gained g
