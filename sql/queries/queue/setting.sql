-- A setting of the maintenance, in microseconds. Null: off.
SELECT (extract(epoch FROM value) * 1000000)::bigint FROM crier.maintenance_setting WHERE name = $1
