-- The owner who gives it away, or every other one, is an admin from then on.
UPDATE crier.workspace_member SET role = 'admin'
WHERE workspace_id = $1 AND user_id <> $2 AND role = 'owner' AND ($3::uuid IS NULL OR user_id = $3)
