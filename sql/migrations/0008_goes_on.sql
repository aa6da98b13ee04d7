-- Where a task that ran out of time goes on next; null: at the beginning.
ALTER TABLE crier.maintenance_lock ADD COLUMN goes_on jsonb;
