-- The platform's own limit with this window, which an account's may not exceed unless its operator says so.
SELECT max FROM crier.platform_limit WHERE platform = $1 AND action = $2 AND scope = 'account' AND per = $3
