-- A page of secrets of alert endpoints, as list_credentials.sql. They have one generation.
SELECT e.workspace_id, e.id, 1::bigint, CASE WHEN k.id IS NULL THEN e.sealed END
FROM (SELECT workspace_id, id, sealed FROM crier.alert_endpoint WHERE id > $1 ORDER BY id LIMIT $2) AS e
LEFT JOIN crier.data_key k ON k.id = CASE WHEN get_byte(e.sealed, 0) = 2 THEN encode(substring(e.sealed FROM 3 FOR 16), 'hex')::uuid END
                          AND k.workspace_id IS NOT DISTINCT FROM e.workspace_id AND k.state = 'active'
ORDER BY e.id
