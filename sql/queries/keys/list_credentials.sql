-- A page of tokens. What the workspace's active data key has sealed is shown as null: there is nothing to do with it.
SELECT c.workspace_id, c.account_id, c.generation, CASE WHEN k.id IS NULL THEN c.sealed END
FROM (SELECT workspace_id, account_id, generation, sealed FROM crier.credential
      WHERE account_id > $1 ORDER BY account_id LIMIT $2) AS c
LEFT JOIN crier.data_key k ON k.id = CASE WHEN get_byte(c.sealed, 0) = 2 THEN encode(substring(c.sealed FROM 3 FOR 16), 'hex')::uuid END
                          AND k.workspace_id = c.workspace_id AND k.state = 'active'
ORDER BY c.account_id
