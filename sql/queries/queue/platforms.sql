-- The platforms of accounts.
SELECT id, platform FROM crier.social_account WHERE id = ANY ($1::uuid[])
