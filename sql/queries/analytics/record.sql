-- Stores events and adds their sums. One whose id is there already is not stored, and does not count. Accounts are those of the
-- workspaces: the platform is theirs. The sums of a workspace lie side by side: whoever asks for them reads few pages.
WITH given AS (
    SELECT g.workspace_id, g.id, g.at, g.kind, coalesce(a.platform, g.platform, '') AS platform, g.account_id, g.post_id, g.value,
           g.properties
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::text[], $9::jsonb[])
         AS r (workspace_id, id, at, kind, platform, account_id, post_id, value, properties)
    CROSS JOIN LATERAL (SELECT r.workspace_id, r.id, r.at, r.kind, r.platform, r.account_id, r.post_id, r.value::numeric AS value,
                               r.properties) g
    LEFT JOIN crier.social_account a ON a.workspace_id = g.workspace_id AND a.id = g.account_id
), stored AS (
    INSERT INTO crier.analytics_event (workspace_id, id, at, kind, platform, account_id, post_id, value, properties)
    SELECT g.workspace_id, g.id, g.at, g.kind, g.platform, g.account_id, g.post_id, g.value, g.properties
    FROM given g
    ON CONFLICT (workspace_id, id) DO NOTHING
    RETURNING workspace_id, at, kind, platform, account_id, value
), added AS (
    INSERT INTO crier.analytics_delta (id, workspace_id, hour, kind, platform, account_id, events, value)
    SELECT crier.new_id(), s.workspace_id, date_trunc('hour', s.at, 'UTC'), s.kind, s.platform,
           coalesce(s.account_id, '00000000-0000-0000-0000-000000000000'), count(*), sum(s.value)
    FROM stored s
    GROUP BY 2, 3, 4, 5, 6
    ORDER BY 2, 3
    RETURNING events
)
SELECT coalesce(sum(a.events), 0)::bigint FROM added a
