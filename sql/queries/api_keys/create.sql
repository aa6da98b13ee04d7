-- Two random uuids have 244 random bits, by the server's own strong generator. The hash is kept, and nothing else of it.
WITH made AS MATERIALIZED (
    SELECT 'crier_' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') AS key
), member AS (
    INSERT INTO crier.workspace_member (workspace_id, user_id, role, created_at) VALUES ($1, $2, $4, $6)
), kept AS (
    INSERT INTO crier.api_key (workspace_id, id, name, role, hash, made_by, created_at, expires_at)
    SELECT $1, $2, $3, $4, sha256(convert_to(m.key, 'UTF8')), $5, $6, $7 FROM made m
)
SELECT key FROM made
