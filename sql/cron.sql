-- The maintenance of Crier by pg_cron. Run it in the database of Crier, which has to be the one that pg_cron works in
-- (cron.database_name), as a superuser:
--
--   CREATE EXTENSION IF NOT EXISTS pg_cron;
--   \i sql/cron.sql
--
-- postgresql.conf: shared_preload_libraries = 'crier,pg_cron', cron.use_background_workers = on. Safe to run twice: a job
-- that is there gets the schedule of this file. crierd leaves everything to pg_cron as long as that runs.

-- What is due: how often each task is due stands in crier.maintenance_task.
SELECT cron.schedule('crier-maintenance', '* * * * *', 'CALL crier.maintain(''pg_cron'')');

-- The jobs of what is due soon, where no crierd makes them: an hour ahead.
SELECT cron.schedule('crier-due', '* * * * *', 'SELECT crier.run_due(10000)');

-- What a start of the server need not read again.
SELECT cron.schedule('crier-checkpoint', '5 * * * *', 'SELECT crier.checkpoint_queue()');

-- The indexes of the tables in which rows change, built again without blocking anybody, on Sunday nights. The days of the
-- queue's log need it not: nothing in them changes.
SELECT cron.schedule('crier-reindex-keys', '10 3 * * 0', 'REINDEX TABLE CONCURRENTLY crier.job_key');
SELECT cron.schedule('crier-reindex-scheduled', '20 3 * * 0', 'REINDEX TABLE CONCURRENTLY crier.job_scheduled');
SELECT cron.schedule('crier-reindex-targets', '30 3 * * 0', 'REINDEX TABLE CONCURRENTLY crier.post_target');
SELECT cron.schedule('crier-reindex-credentials', '40 3 * * 0', 'REINDEX TABLE CONCURRENTLY crier.credential');

-- What pg_cron itself keeps.
SELECT cron.schedule('crier-cron-log', '50 3 * * *',
                     'DELETE FROM cron.job_run_details WHERE end_time < now() - interval ''7 days''');
