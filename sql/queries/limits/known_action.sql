-- Whether any rule knows the action. Budgets are kept of what any platform charges for.
SELECT EXISTS (SELECT FROM crier.platform_limit WHERE action = $1) OR EXISTS (SELECT FROM crier.job_kind WHERE action = $1)
    OR ($1 = 'spend' AND EXISTS (SELECT FROM crier.platform_price))
