-- Storage settings of tables that were made before they were thought of. What is set already is left alone; a table in
-- use is waited for as long as crier.migrate() waits for any lock.
DO $do$
DECLARE
    t name;
BEGIN
    FOR t IN
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'crier'::regnamespace AND c.relkind = 'r'
          AND c.relname ~ '^(job|job_outcome|job_retry|job_progress|job_claim|limit_use|job_log)_(default|[0-9]{8})$|^(job_scheduled|post_target|credential|analytics_delta|analytics_(hour|day)_default)$'
        ORDER BY c.relname
    LOOP
        PERFORM crier.apply_storage(t);
    END LOOP;
END
$do$;
