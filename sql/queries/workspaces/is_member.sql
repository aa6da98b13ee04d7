SELECT 1 FROM crier.workspace_member WHERE workspace_id = $1 AND user_id = $2 AND role = ANY ($3::text[])
