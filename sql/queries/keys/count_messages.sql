UPDATE crier.data_key SET messages = messages + $2
WHERE coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'::uuid)
      = coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid) AND state = 'active'
RETURNING id, wrapped, messages
