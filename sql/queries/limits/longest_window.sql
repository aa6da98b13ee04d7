-- How far back anything counts.
SELECT greatest((SELECT max(per) FROM crier.platform_limit), (SELECT max(per) FROM crier.account_limit))
