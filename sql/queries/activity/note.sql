-- What somebody has done in a workspace.
INSERT INTO crier.activity_log (workspace_id, id, actor, user_id, action, object_type, object_id, changes, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
