-- Compare and swap: newer tokens stay, and so does what somebody else has sealed anew.
UPDATE crier.credential SET sealed = $5
WHERE workspace_id = $1 AND account_id = $2 AND generation = $3 AND sealed = $4
RETURNING account_id
