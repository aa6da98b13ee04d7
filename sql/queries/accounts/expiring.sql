-- Gives what is due to one sidecar, by putting it off for everybody: until $4. No look is longer than what is due allows: what can't
-- be renewed now is put off too, so that it never stands in the way of what can. Whoever waits for a new login is due no more.
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
                ELSE 'given' END AS verdict
    FROM picked
    JOIN crier.social_account a ON a.workspace_id = picked.workspace_id AND a.id = picked.account_id
    JOIN crier.credential c ON c.workspace_id = picked.workspace_id AND c.account_id = picked.account_id
)
UPDATE crier.credential c
SET refresh_at = CASE j.verdict WHEN 'given' THEN $4
                                WHEN 'paused' THEN $2 + interval '1 hour'
                                WHEN 'leased' THEN c.refresh_leased_until + interval '1 minute' END
FROM judged j
WHERE c.workspace_id = j.workspace_id AND c.account_id = j.id
RETURNING j.verdict = 'given', j.workspace_id, j.id, j.platform, j.external_id, j.handle, j.base_url, c.generation, c.expires_at
