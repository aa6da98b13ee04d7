-- The secret is used up by the ticket that takes its place: whoever comes second finds no such hash any more.
WITH made AS MATERIALIZED (
    SELECT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') AS ticket
), confirmed AS (
    UPDATE crier.oauth_state s
    SET stage = 'confirmed', hash = sha256(convert_to(m.ticket, 'UTF8')), expires_at = $4
    FROM made m
    WHERE s.workspace_id = $1 AND s.id = $2 AND s.stage = 'granted' AND s.hash = sha256(convert_to($3, 'UTF8'))
    RETURNING s.id
)
SELECT m.ticket FROM made m WHERE EXISTS (SELECT FROM confirmed)
