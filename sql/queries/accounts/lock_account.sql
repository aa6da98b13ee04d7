-- Accounts first, credentials second, as everywhere. NO KEY: posts for the account may be made meanwhile.
SELECT workspace_id, platform FROM crier.social_account WHERE id = $1 FOR NO KEY UPDATE
