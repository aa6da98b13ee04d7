-- A hint for sidecars that listen, sent at commit. Polling is the guarantee.
SELECT pg_notify('crier_jobs', '')
