-- Whether any rule knows the action.
SELECT EXISTS (SELECT FROM crier.platform_limit WHERE action = $1) OR EXISTS (SELECT FROM crier.job_kind WHERE action = $1)
