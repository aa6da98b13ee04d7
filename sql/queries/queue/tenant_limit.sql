-- A bound of tenants. Null: there is none.
SELECT max FROM crier.tenant_limit WHERE name = $1
