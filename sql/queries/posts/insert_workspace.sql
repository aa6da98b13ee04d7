WITH made AS (
    INSERT INTO crier.workspace (id, name) VALUES ($1, $2) RETURNING id
)
INSERT INTO crier.workspace_member (workspace_id, user_id, role)
SELECT id, $3, 'owner' FROM made
