-- Lets the roles of Supabase use Crier, or those of any PostgREST that is set up alike. Run it once after crier.migrate(), as a
-- superuser; running it again changes nothing. docs/supabase.md explains it.
--
--   anon           who has not logged in: nothing at all
--   authenticated  a user, the one that request.jwt.claims names: what crier_app may, under row-level security
--   service_role   your own servers: everything, bound to no tenant (it has BYPASSRLS)

DO $do$
DECLARE
    missing text;
    given record;
    options text := '';
BEGIN
    SELECT string_agg(r, ', ') INTO missing
    FROM unnest(ARRAY['anon', 'authenticated', 'service_role', 'crier_app']) AS r
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'there is no role %', missing
            USING ERRCODE = 'undefined_object',
                  HINT = 'Supabase makes anon, authenticated and service_role, and CREATE EXTENSION crier the others.';
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname IN ('anon', 'authenticated') AND (rolsuper OR rolbypassrls)) THEN
        RAISE EXCEPTION 'anon or authenticated is bound to no tenant: row-level security would not hold for it'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Run ALTER ROLE … NOSUPERUSER NOBYPASSRLS for the two.';
    END IF;
    FOR given IN
        SELECT * FROM (VALUES ('crier_app', 'authenticated'), ('crier_app', 'service_role'), ('crier_worker', 'service_role'),
                              ('crier_monitor', 'service_role')) AS v (role, member)
    LOOP
        -- Rights and policies of a role hold for members that inherit. Before 16 that is a property of the member, and roles
        -- of older projects do not.
        IF current_setting('server_version_num')::integer >= 160000 THEN
            options := ' WITH INHERIT TRUE';
        ELSIF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = given.member AND NOT rolinherit) THEN
            EXECUTE format('ALTER ROLE %I INHERIT', given.member);
        END IF;
        EXECUTE format('GRANT %I TO %I%s', given.role, given.member, options);
    END LOOP;
END
$do$;

-- Whatever default privileges have given them. What the two others may, they may as members of Crier's roles.
REVOKE ALL ON SCHEMA crier FROM PUBLIC, anon, authenticated, service_role;
REVOKE ALL ON ALL TABLES IN SCHEMA crier FROM PUBLIC, anon, authenticated, service_role;
REVOKE ALL ON ALL ROUTINES IN SCHEMA crier FROM PUBLIC, anon, authenticated, service_role;

-- PostgREST serves the schemas that it is told to. Where that is kept in the database, crier is added to them; where it is kept in
-- PostgREST's own configuration or the dashboard, you add it there.
DO $do$
DECLARE
    served text;
BEGIN
    SELECT substring(setting FROM '^pgrst\.db_schemas=(.*)$') INTO served
    FROM pg_catalog.pg_db_role_setting s
    JOIN pg_catalog.pg_roles r ON r.oid = s.setrole AND r.rolname = 'authenticator', unnest(s.setconfig) AS setting
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
      AND setting LIKE 'pgrst.db\_schemas=%'
    -- what is set for the database counts more
    ORDER BY s.setdatabase DESC
    LIMIT 1;
    IF served IS NULL THEN
        RAISE NOTICE 'crier is not among the schemas that PostgREST serves, as far as the database knows'
            USING HINT = 'Add crier to its db-schemas: under Exposed schemas in the dashboard, or in its configuration.';
    ELSIF NOT 'crier' = ANY (regexp_split_to_array(btrim(served), '\s*,\s*')) THEN
        IF EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole,
                               unnest(s.setconfig) AS setting
                   WHERE r.rolname = 'authenticator' AND s.setdatabase <> 0 AND setting LIKE 'pgrst.db\_schemas=%'
                     AND s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())) THEN
            EXECUTE format('ALTER ROLE authenticator IN DATABASE %I SET pgrst.db_schemas = %L', current_database(),
                           served || ', crier');
        ELSE
            EXECUTE format('ALTER ROLE authenticator SET pgrst.db_schemas = %L', served || ', crier');
        END IF;
    END IF;
END
$do$;

NOTIFY pgrst, 'reload config';
NOTIFY pgrst, 'reload schema';
