-- A change of what limits work holds from its commit on: the queue reads these tables into memory again.
DO $do$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['job_kind', 'platform_policy', 'platform_limit', 'account_limit', 'platform_price'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_trigger
                              WHERE tgrelid = format('crier.%I', t)::regclass AND tgname = 'rules_changed');
        EXECUTE format('CREATE TRIGGER rules_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON crier.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION crier.rules_changed()', t);
    END LOOP;
END
$do$;
