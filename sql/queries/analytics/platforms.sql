-- The platforms that there are.
SELECT p.platform FROM crier.platform_policy p
