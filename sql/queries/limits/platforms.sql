-- How hard each platform is worked.
SELECT platform, account_concurrency, server_concurrency, account_gap, server_gap, breaker_failures, breaker_window,
       breaker_pause, breaker_max_pause
FROM crier.platform_policy
