-- What each key of the key file wraps or has sealed. Without a key: values whose data key is not here.
-- One line of the inner union for each column that holds sealed values.
SELECT u.key_id,
       count(*) FILTER (WHERE u.what = 'active'),
       count(*) FILTER (WHERE u.what = 'retired'),
       count(*) FILTER (WHERE u.what = 'direct'),
       count(*) FILTER (WHERE u.what = 'by a retired key'),
       count(*) FILTER (WHERE u.what = 'lost')
FROM (
    SELECT key_id, state AS what FROM crier.data_key
    UNION ALL
    SELECT CASE WHEN get_byte(v.head, 0) = 1
                THEN (get_byte(v.head, 2)::bigint << 24) + (get_byte(v.head, 3) << 16) + (get_byte(v.head, 4) << 8) + get_byte(v.head, 5)
                ELSE k.key_id END,
           CASE WHEN get_byte(v.head, 0) = 1 THEN 'direct'
                WHEN k.id IS NULL THEN 'lost'
                WHEN k.state = 'retired' THEN 'by a retired key'
                ELSE 'current' END
    FROM (SELECT substring(sealed FROM 1 FOR 18) AS head FROM crier.credential
          UNION ALL SELECT substring(sealed FROM 1 FOR 18) FROM crier.alert_endpoint) AS v
    LEFT JOIN crier.data_key k ON k.id = CASE WHEN get_byte(v.head, 0) = 2 THEN encode(substring(v.head FROM 3 FOR 16), 'hex')::uuid END
) AS u
GROUP BY u.key_id
ORDER BY u.key_id
