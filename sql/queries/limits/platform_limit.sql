-- The platform's own limit with this window.
SELECT max FROM crier.platform_limit WHERE platform = $1 AND action = $2 AND scope = 'account' AND per = $3
