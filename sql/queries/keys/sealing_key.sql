SELECT id, wrapped, messages FROM crier.data_key
WHERE coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'::uuid)
      = coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid) AND state = 'active'
