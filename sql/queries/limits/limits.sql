-- What the platforms admit.
SELECT platform, action, scope = 'platform', per, max FROM crier.platform_limit
