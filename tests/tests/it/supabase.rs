//! Crier under the roles of Supabase, called as PostgREST calls: the role and the claims of each request are set for its
//! transaction, and functions get their arguments by name.

use std::path::Path;

use crier_tests::cluster::Server;
use crier_tests::session::{Refusal, Session};
use crier_tests::stage::dummy_account;
use serde_json::{Value, json};
use uuid::Uuid;

/// The roles as Supabase makes them. Newer projects have them inherit, older ones do not.
const ROLES: &str = "
    CREATE ROLE anon NOLOGIN NOINHERIT;
    CREATE ROLE authenticated NOLOGIN NOINHERIT;
    CREATE ROLE service_role NOLOGIN NOINHERIT BYPASSRLS;
    CREATE ROLE authenticator LOGIN NOINHERIT;
    GRANT anon, authenticated, service_role TO authenticator;
    ALTER ROLE authenticator SET pgrst.db_schemas = 'public, graphql_public';
    CREATE SCHEMA auth;
    GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
        SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
    ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO anon, authenticated;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO anon";

/// What an operator runs.
fn script() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/supabase.sql");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// PostgREST's connection.
struct Rest {
    session: Session,
}

impl Rest {
    /// One request: its transaction, with role and claims set for it alone.
    async fn request(&self, role: &str, claims: &Value, statement: &str) -> Result<String, Refusal> {
        self.session.run("BEGIN").await;
        let set = "SELECT set_config('role', $1, true), set_config('request.jwt.claims', $2, true), \
                   set_config('request.method', 'POST', true), set_config('search_path', '\"crier\", \"public\"', true)";
        self.session.rows(set, &[&role, &claims.to_string()]).await;
        let answer = self.session.try_text(statement).await;
        self.session.run(if answer.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
        answer
    }

    /// `POST /rpc/<function>` with a JSON body: `args` are the function's arguments that it has, with their types.
    async fn rpc(
        &self,
        role: &str,
        claims: &Value,
        function: &str,
        args: &[(&str, &str)],
        body: &Value,
    ) -> Result<String, Refusal> {
        let names: Vec<_> = args.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let types: Vec<_> = args.iter().map(|(name, of)| format!("\"{name}\" {of}")).collect();
        let passed: Vec<_> = names.iter().map(|name| format!("{name} := pgrst_body.{name}")).collect();
        let from = if args.is_empty() {
            String::new()
        } else {
            format!(
                "(SELECT '{}'::json AS json_data) pgrst_payload, LATERAL (SELECT {} FROM json_to_record(pgrst_payload.json_data) AS _({}) LIMIT 1) pgrst_body, LATERAL ",
                body.to_string().replace('\'', "''"),
                names.join(", "),
                types.join(", ")
            )
        };
        let statement = format!(
            "WITH pgrst_source AS (SELECT pgrst_call.* FROM {from}\"crier\".\"{function}\"({}) pgrst_call) \
             SELECT coalesce(json_agg(_postgrest_t), '[]')::text FROM (SELECT * FROM pgrst_source) _postgrest_t",
            passed.join(", ")
        );
        self.request(role, claims, &statement).await
    }
}

fn claims(user: Uuid) -> Value {
    json!({"sub": user, "role": "authenticated", "aud": "authenticated", "email": "a@example.com"})
}

/// A server with the roles and their default privileges, and Crier installed after them, as it is on a project that was there
/// before. Not a copy of the template, in which every function was there before the roles.
async fn installed() -> (Server, Session) {
    let server = Server::bare();
    server.connect("postgres").await.run("CREATE DATABASE crier").await;
    let sql = server.connect("crier").await;
    sql.run(ROLES).await;
    sql.run("CREATE EXTENSION crier; SELECT * FROM crier.migrate(); SELECT crier.adopt_database()").await;
    (server, sql)
}

/// The same, set up by the script, and PostgREST's connection.
async fn set_up() -> (Server, Session, Rest) {
    let (server, sql) = installed().await;
    sql.run(&script()).await;
    let session = Session::connect(&server.url("authenticator", "crier")).await;
    (server, sql, Rest { session })
}

/// What a role may do that another may not, or the other way round: functions, tables and the schema.
async fn differences(sql: &Session, one: &str, other: &str) -> String {
    let differ = format!(
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'crier'::regnamespace \
             AND has_function_privilege('{one}', p.oid, 'EXECUTE') <> has_function_privilege('{other}', p.oid, 'EXECUTE') \
         UNION ALL SELECT c.oid::regclass || ' ' || r FROM pg_class c, unnest('{{SELECT,INSERT,UPDATE,DELETE}}'::text[]) r \
             WHERE c.relnamespace = 'crier'::regnamespace AND c.relkind IN ('r', 'p', 'v') \
             AND has_table_privilege('{one}', c.oid, r) <> has_table_privilege('{other}', c.oid, r) \
         UNION ALL SELECT 'schema ' || r FROM unnest('{{USAGE,CREATE}}'::text[]) r \
             WHERE has_schema_privilege('{one}', 'crier', r) <> has_schema_privilege('{other}', 'crier', r) ORDER BY 1"
    );
    sql.text(&differ).await
}

#[tokio::test]
async fn default_privileges_give_nobody_what_is_the_workers() {
    let (_server, sql) = installed().await;
    // the control: they give what they are there for
    sql.run("CREATE FUNCTION public.anybody() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION public.anybody() FROM PUBLIC").await;
    for role in ["anon", "authenticated"] {
        let given = format!("SELECT has_function_privilege('{role}', 'public.anybody()', 'EXECUTE')");
        assert_eq!(sql.text(&given).await, "t");
        let reach = format!(
            "SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'crier'::regnamespace \
             AND has_function_privilege('{role}', p.oid, 'EXECUTE')"
        );
        assert_eq!(sql.text(&reach).await, "", "{role} has not been given anything yet");
    }
    sql.run(&script()).await;
    assert_eq!(differences(&sql, "authenticated", "crier_app").await, "");
    // what an installation has that was made by an earlier library
    sql.run("GRANT EXECUTE ON ALL ROUTINES IN SCHEMA crier TO anon, authenticated; GRANT SELECT ON ALL TABLES IN SCHEMA crier TO authenticated").await;
    assert!(differences(&sql, "authenticated", "crier_app").await.contains("get_credential"));
    sql.run(&script()).await;
    assert_eq!(differences(&sql, "authenticated", "crier_app").await, "");
    sql.run("CREATE ROLE nobody").await;
    assert_eq!(differences(&sql, "anon", "nobody").await, "");
}

#[tokio::test]
async fn users_work_through_postgrest_each_in_their_own_workspaces() {
    let (_server, sql, rest) = set_up().await;
    let (alice, bob) = (Uuid::new_v4(), Uuid::new_v4());
    let of = |name: &str, user: Uuid| {
        let (rest, name) = (&rest, name.to_owned());
        async move {
            let args = [("name", "text"), ("owner_id", "uuid")];
            let made = rest
                .rpc(
                    "authenticated",
                    &claims(user),
                    "create_workspace",
                    &args,
                    &json!({"name": name, "owner_id": user}),
                )
                .await;
            let made: Value = made.expect("a workspace").parse().expect("JSON");
            made[0]["pgrst_call"]
                .as_str()
                .and_then(|id| id.parse::<Uuid>().ok())
                .unwrap_or_else(|| panic!("{made}"))
        }
    };
    let (ours, theirs) = (of("Acme", alice).await, of("Other", bob).await);
    let account = dummy_account(&sql, ours, "acme.test").await;
    let args = [("workspace_id", "uuid"), ("content", "text"), ("accounts", "uuid[]"), ("settings", "jsonb")];
    let body = json!({"accounts": [account], "content": "It's named", "workspace_id": ours, "settings": {"bluesky": {"langs": ["en"]}}});
    rest.rpc("authenticated", &claims(alice), "create_post", &args, &body).await.expect("a post");
    // bob can't, and learns nothing
    let refused =
        rest.rpc("authenticated", &claims(bob), "create_post", &args, &body).await.expect_err("a refusal");
    assert_eq!(refused.code, "P0002");
    // GET /posts?select=content
    let posts = "SELECT content FROM \"crier\".\"posts\"";
    assert_eq!(rest.request("authenticated", &claims(alice), posts).await.as_deref(), Ok("It's named"));
    assert_eq!(rest.request("authenticated", &claims(bob), posts).await.as_deref(), Ok(""));
    let list = rest
        .rpc(
            "authenticated",
            &claims(alice),
            "list_posts",
            &[("p_limit", "integer")],
            &json!({"p_limit": 10}),
        )
        .await;
    assert!(list.as_ref().is_ok_and(|list| list.contains("named")), "{list:?}");
    let mine =
        rest.rpc("authenticated", &claims(bob), "my_workspaces", &[], &json!({})).await.expect("a list");
    assert!(mine.contains("Other") && !mine.contains("Acme"), "{mine}");
    // the application's own policies see the same user
    let same = format!(
        "SELECT auth.uid() = '{alice}', crier.is_workspace_member_fast('{ours}'), crier.is_workspace_member_fast('{theirs}')"
    );
    assert_eq!(rest.request("authenticated", &claims(alice), &same).await.as_deref(), Ok("t|t|f"));
    // without a user, and after the request, nothing of it is left on the connection
    for odd in [json!({"role": "authenticated"}), json!({"sub": null})] {
        assert_eq!(rest.request("authenticated", &odd, posts).await.as_deref(), Ok(""));
    }
    assert_eq!(rest.session.refusal(posts).await.code, "42501");
    assert_eq!(
        rest.session
            .text("SELECT current_user, coalesce(current_setting('request.jwt.claims', true), '')")
            .await,
        "authenticator|"
    );
    // what is the workers' is not the users'
    let refused = rest
        .rpc("authenticated", &claims(alice), "claim_jobs", &[("worker", "text")], &json!({"worker": "w"}))
        .await;
    assert_eq!(refused.expect_err("a refusal").code, "42501");

    // a server of one's own
    let service = json!({"role": "service_role"});
    let add = [("p_workspace_id", "uuid"), ("p_user_id", "uuid"), ("p_role", "text")];
    let body = json!({"p_workspace_id": ours, "p_user_id": bob, "p_role": "viewer"});
    rest.rpc("service_role", &service, "add_member", &add, &body).await.expect("a member");
    assert_eq!(rest.request("authenticated", &claims(bob), posts).await.as_deref(), Ok("It's named"));
    assert_eq!(
        rest.request("service_role", &service, "SELECT count(*) FROM crier.workspace").await.as_deref(),
        Ok("2")
    );
    rest.request(
        "service_role",
        &service,
        "SELECT total FROM (SELECT count(*) AS total FROM crier.get_queue_stats()) s",
    )
    .await
    .expect("figures");
    let credential = rest.request("service_role", &service, "SELECT * FROM crier.credential").await;
    assert_eq!(
        credential.expect_err("a refusal").code,
        "42501",
        "expected no table to be open to it that is not to users"
    );
}

#[tokio::test]
async fn who_has_not_logged_in_can_do_nothing() {
    let (_server, sql, rest) = set_up().await;
    let reach = "SELECT (SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'crier'::regnamespace AND has_function_privilege('anon', p.oid, 'EXECUTE')), \
                 (SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'crier'::regnamespace AND c.relkind IN ('r', 'p', 'v') \
                      AND has_table_privilege('anon', c.oid, 'SELECT, INSERT, UPDATE, DELETE')), has_schema_privilege('anon', 'crier', 'USAGE')";
    assert_eq!(sql.text(reach).await, "0|0|f");
    let nobody = json!({"role": "anon"});
    let somebody = claims(Uuid::new_v4());
    for (function, claims) in [
        ("version", &nobody),
        ("my_workspaces", &nobody),
        ("my_workspaces", &somebody),
        ("list_posts", &somebody),
    ] {
        let refused = rest.rpc("anon", claims, function, &[], &json!({})).await.expect_err("a refusal");
        assert_eq!(refused.code, "42501", "{function}");
    }
    for relation in ["posts", "jobs", "workspace", "credential"] {
        let refused = rest.request("anon", &nobody, &format!("SELECT * FROM crier.{relation}")).await;
        assert_eq!(refused.expect_err("a refusal").code, "42501", "{relation}");
    }
}

#[tokio::test]
async fn the_script_can_be_run_again_and_says_what_is_missing() {
    let (_server, sql, _rest) = set_up().await;
    let state = "SELECT (SELECT string_agg(setting, ';') FROM pg_db_role_setting s, unnest(setconfig) setting WHERE setrole = 'authenticator'::regrole), \
                 (SELECT string_agg(m.roleid::regrole || '>' || m.member::regrole, ',' ORDER BY 1) FROM pg_auth_members m WHERE m.roleid::regrole::text LIKE 'crier%'), \
                 (SELECT string_agg(nspacl::text, '') FROM pg_namespace WHERE nspname = 'crier')";
    let once = sql.text(state).await;
    assert!(once.starts_with("pgrst.db_schemas=public, graphql_public, crier|"), "{once}");
    sql.run(&script()).await;
    assert_eq!(sql.text(state).await, once);
    sql.run("ALTER ROLE authenticator RESET pgrst.db_schemas").await;
    sql.notices();
    sql.run(&script()).await;
    let notices = sql.notices().join("\n");
    assert!(notices.contains("crier is not among the schemas that PostgREST serves"), "{notices}");
    // what is newly made by migrate is not open either
    sql.run("SELECT * FROM crier.migrate()").await;
    assert_eq!(sql.text("SELECT has_table_privilege('anon', 'crier.posts', 'SELECT')").await, "f");

    let server = Server::bare();
    server.connect("postgres").await.run("CREATE DATABASE plain").await;
    let plain = server.connect("plain").await;
    plain.run("CREATE EXTENSION crier; SELECT * FROM crier.migrate()").await;
    let refusal = plain.refusal(&script()).await;
    assert_eq!(refusal.message, "there is no role anon, authenticated, service_role");
    plain
        .run("CREATE ROLE anon; CREATE ROLE authenticated BYPASSRLS; CREATE ROLE service_role BYPASSRLS")
        .await;
    let refusal = plain.refusal(&script()).await;
    assert!(refusal.message.contains("bound to no tenant") && !refusal.hint.is_empty(), "{refusal}");
}
