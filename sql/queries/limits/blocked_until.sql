-- When the last block of something ends.
SELECT max(until) FROM crier.limit_block
WHERE platform = $1 AND host = $2 AND account_id = $3 AND action = $4 AND until > $5
