-- The sums of a workspace by hour ($4): the hours, what is not moved into them yet, and how publishing came out, which the
-- events tell. $5 to $7: whether kinds, platforms and accounts are told apart; $8: these kinds only.
WITH rows AS (
    SELECT d.starts_at, d.kind, d.platform, d.account_id, d.events, d.value
    FROM crier.analytics_hour d
    WHERE d.workspace_id = $1 AND d.starts_at >= $2 AND d.starts_at < $3
    UNION ALL
    SELECT l.hour, l.kind, l.platform, l.account_id, l.events, l.value
    FROM crier.analytics_delta l
    WHERE l.workspace_id = $1 AND l.hour >= $2 AND l.hour < $3
    UNION ALL
    SELECT e.created_at, e.kind, coalesce(a.platform, ''), coalesce(e.account_id, '00000000-0000-0000-0000-000000000000'), 1, 1
    FROM crier.event e
    LEFT JOIN crier.social_account a ON a.workspace_id = e.workspace_id AND a.id = e.account_id
    WHERE e.workspace_id = $1 AND e.id >= crier.first_id($2 - interval '1 hour') AND e.id < crier.first_id($3 + interval '1 hour')
      AND e.created_at >= $2 AND e.created_at < $3 AND e.kind IN ('post_published', 'post_publish_failed')
)
SELECT date_trunc($4, r.starts_at, 'UTC'), CASE WHEN $5 THEN r.kind END, CASE WHEN $6 THEN nullif(r.platform, '') END,
       CASE WHEN $7 THEN nullif(r.account_id, '00000000-0000-0000-0000-000000000000') END,
       sum(r.events)::bigint, sum(r.value)
FROM rows r
WHERE $8::text[] IS NULL OR r.kind = ANY ($8)
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
