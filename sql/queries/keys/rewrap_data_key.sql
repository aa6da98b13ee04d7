-- Compare and swap: what somebody else has wrapped anew stays.
UPDATE crier.data_key SET wrapped = $3, key_id = $4 WHERE id = $1 AND wrapped = $2 RETURNING id
