-- Whether the tables of alerts are there: a library may be newer than the tables until crier.migrate() is run.
SELECT to_regclass('crier.alert_told') IS NOT NULL
