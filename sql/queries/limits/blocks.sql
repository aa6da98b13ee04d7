-- What is blocked now.
SELECT platform, host, account_id, action, until FROM crier.limit_block WHERE until > $1
