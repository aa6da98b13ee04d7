-- The actions for which an account has limits, alone or with others.
SELECT action FROM crier.platform_limit WHERE platform = $2
UNION
SELECT action FROM crier.account_limit WHERE workspace_id = $3 AND account_id = $1
ORDER BY 1
