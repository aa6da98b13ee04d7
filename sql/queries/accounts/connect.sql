-- Connecting the same account again keeps its id, also where it was disconnected. The handle and the server may have changed since.
WITH account AS (
    INSERT INTO crier.social_account AS a (workspace_id, id, platform, external_id, handle, base_url, status,
                                           created_at, updated_at, realm)
    VALUES ($1, $2, $3, $4, $5, $6, 'disconnected', $7, $7, $8)
    ON CONFLICT (workspace_id, platform, realm, external_id)
        DO UPDATE SET handle = excluded.handle, base_url = excluded.base_url, updated_at = excluded.updated_at, deleted_at = NULL
    RETURNING a.id, a.workspace_id, a.past_generation
)
SELECT account.id, coalesce(c.generation, account.past_generation) + 1
FROM account
LEFT JOIN crier.credential c ON c.workspace_id = account.workspace_id AND c.account_id = account.id
