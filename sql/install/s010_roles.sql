-- The roles of crier. All without login: real users become members of them.
-- They belong to the cluster, so another database may have made them already.
DO $do$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['crier_owner', 'crier_app', 'crier_worker', 'crier_monitor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', r);
        ELSIF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r AND (rolsuper OR rolbypassrls OR rolcreaterole)) THEN
            RAISE EXCEPTION 'role % exists with rights that crier must not have', r
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = pg_catalog.format('Run ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEROLE;', r);
        END IF;
    END LOOP;
END
$do$;
