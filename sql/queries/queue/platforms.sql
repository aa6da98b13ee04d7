-- The platforms and servers of accounts.
SELECT id, platform, coalesce(regexp_replace(lower(substring(base_url FROM '^https?://(?:[^@/?#]*@)?([^/?#]+)')), '\.?(:443|:80)?$', ''), '')
FROM crier.social_account
WHERE id = ANY ($1::uuid[])
