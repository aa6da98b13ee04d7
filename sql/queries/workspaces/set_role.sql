UPDATE crier.workspace_member SET role = $3 WHERE workspace_id = $1 AND user_id = $2
