-- Two random uuids have 244 random bits, by the server's own strong generator.
WITH made AS MATERIALIZED (
    SELECT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') AS ticket
), kept AS (
    INSERT INTO crier.oauth_state (workspace_id, id, stage, hash, user_id, platform, server, account_id, return_url,
                                   created_at, expires_at)
    SELECT $1, $2, 'ticket', sha256(convert_to(m.ticket, 'UTF8')), $3, $4, $5, $6, $7, $8, $9 FROM made m
)
SELECT ticket FROM made
