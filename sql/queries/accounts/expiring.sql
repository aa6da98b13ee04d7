-- Gives what is due to one sidecar, up to $7 of it, by putting it off for everybody: until $4. It looks at $3 of what is due: what can't
-- be renewed now is put off too, so that it never stands in the way of what can. Whoever waits for a new login is due no more. Servers
-- that are left alone for a while ($5, until $6) get theirs afterwards, within a minute.
WITH picked AS MATERIALIZED (
    SELECT d.workspace_id, d.account_id
    FROM (SELECT u.platform FROM unnest($1::text[]) AS u (platform)
          WHERE NOT EXISTS (SELECT FROM crier.pause s
                            WHERE (s.scope, s.name) IN (('all', ''), ('kind', 'refresh_token'), ('platform', u.platform)))) p
    CROSS JOIN LATERAL (
        SELECT c.workspace_id, c.account_id, c.refresh_at
        FROM crier.credential c
        WHERE c.platform = p.platform AND c.refresh_at <= $2
        ORDER BY c.refresh_at LIMIT $3
        FOR UPDATE SKIP LOCKED
    ) d
    ORDER BY d.refresh_at LIMIT $3
), judged AS (
    SELECT a.workspace_id, a.id, a.platform, a.external_id, a.handle, a.base_url,
           CASE WHEN a.status IN ('disconnected', 'reauth_required') THEN 'login'
                -- a paused account keeps its grant: it is renewed before that would end
                WHEN (a.status = 'paused'
                      OR EXISTS (SELECT FROM crier.pause s
                                 WHERE (s.scope, s.name) IN (('account', a.id::text), ('workspace', a.workspace_id::text))))
                     AND NOT coalesce(c.refresh_expires_at < $2 + interval '7 days', false) THEN 'paused'
                WHEN c.refresh_leased_until > $2 THEN 'leased'
                WHEN r.until > $2 THEN 'resting'
                ELSE 'given' END AS verdict,
           c.refresh_at AS due, r.until
    FROM picked
    JOIN crier.social_account a ON a.workspace_id = picked.workspace_id AND a.id = picked.account_id
    JOIN crier.credential c ON c.workspace_id = picked.workspace_id AND c.account_id = picked.account_id
    LEFT JOIN (SELECT u.server, max(u.until) AS until FROM unnest($5::text[], $6::timestamptz[]) AS u (server, until) GROUP BY 1) r
        ON r.server = a.base_url
), numbered AS (
    SELECT judged.*, row_number() OVER (PARTITION BY verdict ORDER BY due) AS n FROM judged
)
UPDATE crier.credential c
SET refresh_at = CASE j.verdict WHEN 'given' THEN $4
                                WHEN 'paused' THEN $2 + interval '1 hour'
                                WHEN 'resting' THEN j.until + random() * least(j.until - $2, interval '1 minute')
                                WHEN 'leased' THEN c.refresh_leased_until + interval '1 minute' END
FROM numbered j
WHERE c.workspace_id = j.workspace_id AND c.account_id = j.id AND (j.verdict <> 'given' OR j.n <= $7)
RETURNING j.verdict = 'given', j.workspace_id, j.id, j.platform, j.external_id, j.handle, j.base_url, c.generation, c.expires_at,
          c.refresh_at
