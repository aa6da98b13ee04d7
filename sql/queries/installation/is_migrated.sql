SELECT to_regclass('crier.migration') IS NOT NULL
