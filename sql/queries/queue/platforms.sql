-- The platforms and servers of accounts.
SELECT id, platform, coalesce(lower(substring(base_url FROM '^https?://([^/?#]+)')), '')
FROM crier.social_account
WHERE id = ANY ($1::uuid[])
