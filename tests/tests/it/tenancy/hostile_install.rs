//! What somebody has put beforehand into every place they may write to is not called: not by CREATE EXTENSION, not by migrate, not
//! by any function or view, whatever the search_path of the session that uses them.

use std::collections::BTreeMap;

use crier_tests::cluster::Server;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};

use super::calls::CALLS;
use super::filled::named;
use super::oracle::any;

/// A function and an operator for each of the server's own on common types, in a schema that comes before the server's own; each
/// counts its calls in a sequence, which no rollback takes back.
const SHADOWS: &str = r"
DO $do$
DECLARE
    common CONSTANT oid[] := ARRAY['uuid', 'text', 'name', 'int4', 'int8', 'float8', 'numeric', 'bool', 'timestamptz', 'interval', 'jsonb',
                                   'uuid[]', 'text[]', 'int8[]', 'int4[]', 'bytea', 'oid', 'regclass', 'date', 'anyarray', 'anyelement']::regtype[]::oid[];
    own record;
    n integer := 0;
BEGIN
    FOR own IN
        SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS args, format_type(p.prorettype, NULL) AS result
        FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.pronargs BETWEEN 0 AND 4
          AND p.provariadic = 0 AND p.prorettype = ANY (common) AND p.proargtypes::oid[] <@ common AND p.proargmodes IS NULL
          AND p.prorettype NOT IN ('anyarray'::regtype, 'anyelement'::regtype)
    LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION SCHEMA.%I(%s) RETURNS %s LANGUAGE plpgsql AS '
                           '$f$ BEGIN PERFORM pg_catalog.nextval(''public.sprung''); RETURN NULL; END $f$', own.proname, own.args, own.result);
            n := n + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    FOR own IN
        SELECT o.oid, o.oprname, format_type(o.oprleft, NULL) AS l, format_type(o.oprright, NULL) AS r, format_type(o.oprresult, NULL) AS result
        FROM pg_operator o
        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprkind = 'b' AND o.oprleft = ANY (common) AND o.oprright = ANY (common)
          AND o.oprresult = ANY (common)
          AND NOT ARRAY[o.oprleft, o.oprright, o.oprresult] && ARRAY['anyarray', 'anyelement']::regtype[]::oid[]
    LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION SCHEMA.op_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS '
                           '$f$ BEGIN PERFORM pg_catalog.nextval(''public.sprung''); RETURN NULL; END $f$', own.oid, own.l, own.r, own.result);
            EXECUTE format('CREATE OPERATOR SCHEMA.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = SCHEMA.op_%s)', own.oprname, own.l, own.r, own.oid);
            n := n + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    IF n < 700 THEN RAISE EXCEPTION 'only % shadows', n; END IF;
END
$do$;
-- relations, types and casts of the same names
CREATE VIEW SCHEMA.pg_class AS SELECT *, pg_catalog.nextval('public.sprung') AS sprung FROM pg_catalog.pg_class;
CREATE VIEW SCHEMA.pg_proc AS SELECT *, pg_catalog.nextval('public.sprung') AS sprung FROM pg_catalog.pg_proc;
CREATE VIEW SCHEMA.pg_extension AS SELECT *, pg_catalog.nextval('public.sprung') AS sprung FROM pg_catalog.pg_extension;
CREATE VIEW SCHEMA.pg_roles AS SELECT *, pg_catalog.nextval('public.sprung') AS sprung FROM pg_catalog.pg_roles;
CREATE VIEW SCHEMA.pg_type AS SELECT *, pg_catalog.nextval('public.sprung') AS sprung FROM pg_catalog.pg_type;
CREATE VIEW SCHEMA.pg_namespace AS SELECT *, pg_catalog.nextval('public.sprung') AS sprung FROM pg_catalog.pg_namespace;
CREATE VIEW SCHEMA.pg_index AS SELECT *, pg_catalog.nextval('public.sprung') AS sprung FROM pg_catalog.pg_index;
CREATE VIEW SCHEMA.job AS SELECT pg_catalog.nextval('public.sprung') AS id;
CREATE VIEW SCHEMA.workspace AS SELECT pg_catalog.nextval('public.sprung') AS id;
CREATE VIEW SCHEMA.workspace_member AS SELECT pg_catalog.nextval('public.sprung') AS id;
";

/// What can be made in a schema of types of one's own only.
const CASTS: &str = r"
CREATE TYPE public.trap AS (x integer);
CREATE FUNCTION public.spring(text) RETURNS public.trap LANGUAGE plpgsql AS $f$ BEGIN PERFORM pg_catalog.nextval('public.sprung'); RETURN ROW(1); END $f$;
CREATE CAST (text AS public.trap) WITH FUNCTION public.spring(text) AS IMPLICIT;
CREATE FUNCTION public.format(public.trap) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN PERFORM pg_catalog.nextval('public.sprung'); RETURN 'x'; END $f$;
";

fn tenant_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Whether anything of it was called.
async fn sprung(watcher: &Session) -> bool {
    watcher.text("SELECT is_called FROM public.sprung").await == "t"
}

#[tokio::test]
async fn nothing_that_was_put_there_beforehand_is_called() {
    let server = Server::bare();
    server.connect("postgres").await.run("CREATE DATABASE trapped").await;
    let watcher = server.connect("trapped").await;
    watcher
        .run(
            "CREATE ROLE mallory LOGIN; CREATE SCHEMA mallory AUTHORIZATION mallory; GRANT ALL ON SCHEMA public TO mallory; \
             GRANT ALL ON DATABASE trapped TO mallory; CREATE SCHEMA postgres AUTHORIZATION mallory; \
             CREATE SEQUENCE public.sprung; GRANT ALL ON SEQUENCE public.sprung TO PUBLIC",
        )
        .await;
    let mallory = Session::connect(&server.url("mallory", "trapped")).await;
    // a schema of one's own, the one that everybody has in the path, and the one that is named like the superuser
    for schema in ["mallory", "public", "postgres"] {
        mallory.run(&SHADOWS.replace("SCHEMA", schema)).await;
        mallory.run(&format!("GRANT USAGE ON SCHEMA {schema} TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO PUBLIC")).await;
    }
    mallory.run(CASTS).await;

    // the superuser's session was mallory's before, as in a pool, and what mallory made for it is still there
    let sql = server.connect("trapped").await;
    sql.run("SET ROLE mallory").await;
    for name in
        ["pg_class", "pg_proc", "pg_depend", "pg_extension", "pg_namespace", "pg_trigger", "pg_policies"]
    {
        // complete, so that what looks there finds what it looks for
        let view = format!("SELECT *, pg_catalog.nextval('public.sprung') AS sprung FROM pg_catalog.{name}");
        sql.run(&format!("CREATE TEMPORARY VIEW {name} AS {view}")).await;
    }
    for name in ["job", "workspace", "migration"] {
        sql.run(&format!("CREATE TEMPORARY VIEW {name} AS SELECT pg_catalog.nextval('public.sprung') AS id"))
            .await;
    }
    sql.run("RESET ROLE; SET search_path = pg_temp, \"$user\", public, mallory, pg_catalog").await;
    assert!(!sprung(&watcher).await);
    sql.run("CREATE EXTENSION crier").await;
    sql.run("SELECT * FROM crier.migrate()").await;
    sql.run("SELECT * FROM crier.migrate()").await;
    assert!(!sprung(&watcher).await, "CREATE EXTENSION or migrate called something of mallory's");

    let tenant = server.connect("trapped").await;
    let workspace = create_workspace(&tenant).await;
    let account = dummy_account(&tenant, workspace, "alice.test").await;
    sql.run(&format!("SELECT crier.create_post('{workspace}', 'x', ARRAY['{account}'::pg_catalog.uuid])"))
        .await;
    sql.run("SELECT crier.enqueue('k'); SELECT * FROM crier.claim_jobs('w', 10)").await;
    let (workspace, account) = (workspace.to_string(), account.to_string());
    let ids = vec![&workspace, &account];
    let functions = tenant
        .rows(
            "SELECT p.proname::text, p.prokind::text, ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t) FROM pg_proc p \
             JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e' \
             WHERE p.pronamespace = 'crier'::regnamespace AND p.prorettype <> 'trigger'::regtype ORDER BY 1",
            &[],
        )
        .await;
    assert!(functions.len() > 100);
    let mut dice = 1_usize;
    let mut roll = |sides: usize| {
        dice = dice.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (dice >> 16) % sides
    };
    for row in &functions {
        let (name, kind, types): (String, String, Vec<String>) = (row.get(0), row.get(1), row.get(2));
        for _ in 0..4 {
            let args: Vec<String> = types
                .iter()
                .map(|of| any(of, &ids, &mut roll).replace("now()", "pg_catalog.now()"))
                .collect();
            let args = args
                .join(", ")
                .replace("now() + interval '1 day'", "now()")
                .replace("gen_random", "pg_catalog.gen_random");
            let args = args
                .replace("jsonb_build", "pg_catalog.jsonb_build")
                .replace("pg_catalog.pg_catalog", "pg_catalog");
            // what it says does not matter here
            let _ = if kind == "p" {
                sql.try_text(&format!("CALL crier.{name}({args})")).await
            } else {
                sql.try_text(&format!("BEGIN; SELECT * FROM crier.{name}({args})")).await
            };
            sql.run("ROLLBACK").await;
            assert!(!sprung(&watcher).await, "crier.{name}({args}) called something of mallory's");
        }
    }
    // the same with arguments that lead somewhere
    let post = tenant.text("SELECT id FROM crier.post").await;
    let user = tenant.text("SELECT user_id FROM crier.workspace_member").await;
    let given = BTreeMap::from([
        ("WS", workspace.clone()),
        ("ACC", account.clone()),
        ("POST", post),
        ("TOKEN", "77".into()),
    ]);
    let others = [
        "ACTION",
        "DEAD",
        "DRAFT",
        "ENDPOINT",
        "INVITED",
        "JOB",
        "LEASED",
        "LOST",
        "MEMBER",
        "PUBLISHED",
        "REVIEWED",
        "UNCONFIRMED",
        "UNSENT",
    ];
    let others = others.map(|name| (name, tenant_id()));
    let names: BTreeMap<&'static str, String> = given.into_iter().chain(others).collect();
    for (function, args) in CALLS {
        let args = named(&args.replace("SELF", &user), &names)
            .replace("now() + interval '1 hour'", "pg_catalog.now()");
        let args = args
            .replace("gen_random", "pg_catalog.gen_random")
            .replace("jsonb_build", "pg_catalog.jsonb_build");
        let _ = sql.try_text(&format!("BEGIN; SELECT * FROM crier.{function}({args})")).await;
        sql.run("ROLLBACK").await;
        assert!(!sprung(&watcher).await, "crier.{function}({args}) called something of mallory's");
    }
    let relations: Vec<String> = tenant
        .column("SELECT relname::text FROM pg_class WHERE relnamespace = 'crier'::regnamespace AND relkind IN ('r', 'p', 'v')", &[])
        .await;
    for relation in relations {
        sql.run(&format!("SELECT * FROM crier.{relation}")).await;
        assert!(!sprung(&watcher).await, "crier.{relation} called something of mallory's");
    }
    sql.run("SELECT * FROM crier.run_maintenance(p_max_ms => 60000)").await;
    sql.run("CALL crier.maintain('trapped')").await;
    assert!(!sprung(&watcher).await, "the maintenance called something of mallory's");
    let errors = tenant.text("SELECT count(*), count(error) FROM crier.maintenance_log").await;
    assert!(errors.ends_with("|0") && !errors.starts_with("0|"), "{errors}");

    // the traps do spring
    sql.run("SELECT lower('X')").await;
    assert!(sprung(&watcher).await);
    watcher.run("SELECT setval('public.sprung', 1, false)").await;
    sql.run("SELECT 1 FROM crier.workspace w WHERE w.id = w.id").await;
    assert!(sprung(&watcher).await);
}

#[tokio::test]
async fn a_schema_that_somebody_else_made_is_not_used() {
    let server = Server::bare();
    server.connect("postgres").await.run("CREATE DATABASE taken").await;
    let sql = server.connect("taken").await;
    sql.run("CREATE ROLE mallory; CREATE SCHEMA crier AUTHORIZATION mallory").await;
    let refusal = sql.refusal("CREATE EXTENSION crier").await;
    assert_eq!(refusal.message, "schema crier belongs to somebody else");
    sql.run("DROP SCHEMA crier; CREATE ROLE crier_app BYPASSRLS").await;
    let refusal = sql.refusal("CREATE EXTENSION crier").await;
    assert_eq!(refusal.message, "role crier_app exists with rights that crier must not have");
}
