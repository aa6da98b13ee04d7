-- Whoever owns the schema could replace what is in it: one that somebody else made beforehand is not used.
DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
               WHERE n.nspname = 'crier' AND NOT r.rolsuper AND r.rolname <> CURRENT_USER) THEN
        RAISE EXCEPTION 'schema crier belongs to somebody else'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Look at what is in it, then run DROP SCHEMA crier; and create the extension again.';
    END IF;
END
$do$;

-- The roles of crier. All without login: real users become members of them.
-- They belong to the cluster, so another database may have made them already.
DO $do$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['crier_owner', 'crier_app', 'crier_worker', 'crier_monitor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', r);
        ELSIF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcanlogin)) THEN
            RAISE EXCEPTION 'role % exists with rights that crier must not have', r
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = pg_catalog.format('Run ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOLOGIN;', r);
        END IF;
    END LOOP;
END
$do$;
