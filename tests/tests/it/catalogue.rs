//! What every function and table of the extension has in common, asked of the catalogue.

use crier_tests::cluster::Database;

/// The functions of the extension for which `rule` is true.
async fn offenders(rule: &str) -> String {
    let session = Database::shared().await.connect().await;
    let functions = "pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid \
                     AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' \
                     JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'crier'";
    let count = session.text(&format!("SELECT count(*) FROM {functions}")).await;
    assert!(
        count.parse::<u32>().is_ok_and(|count| count > 25),
        "expected more than 25 functions, found {count}"
    );
    session.text(&format!("SELECT p.oid::regprocedure FROM {functions} WHERE {rule} ORDER BY 1")).await
}

#[tokio::test]
async fn every_function_has_a_comment() {
    assert_eq!(offenders("coalesce(obj_description(p.oid, 'pg_proc'), '') = ''").await, "");
}

#[tokio::test]
async fn definer_functions_pin_their_search_path() {
    assert_eq!(
        offenders("p.prosecdef AND ('search_path=pg_catalog, pg_temp' = ANY (p.proconfig)) IS NOT TRUE")
            .await,
        ""
    );
}

#[tokio::test]
async fn every_function_says_where_its_names_are_looked_up() {
    // a body that was parsed when it was made has no names left to look up; a procedure that commits, and what has to become
    // part of a query, can have no setting: every name in them says where it is
    let rule =
        "NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false) AND p.prosqlbody IS NULL";
    let without = offenders(rule).await;
    assert_eq!(
        without,
        "crier.failed_may_go(uuid,timestamp with time zone,timestamp with time zone,timestamp with time zone)\ncrier.maintain(text)"
    );
    let session = Database::shared().await.connect().await;
    for function in ["failed_may_go", "maintain"] {
        let body = session.text(&format!("SELECT prosrc FROM pg_proc WHERE proname = '{function}'")).await;
        for word in body.split_whitespace() {
            let operator = word != "=>" && word.chars().all(|letter| "<>=+-*/~|&%".contains(letter));
            let call = word.contains('(')
                && word.split('(').next().is_some_and(|name| name.chars().any(char::is_alphabetic));
            let qualified = word.contains('.')
                || ["OPERATOR(", "coalesce(", "EXISTS("].iter().any(|known| word.contains(known));
            assert!(!operator && (!call || qualified), "{function}: {word} is looked up somewhere");
        }
    }
}

/// What a function promises, for those that promise something: the others are volatile and not to be run in parallel.
#[tokio::test]
async fn what_functions_promise_is_what_they_keep() {
    // in parallel: those that read no memory that a transaction of the session may have changed
    let parallel = "first_id has_workspace_role is_workspace_member_fast make_sketch merge_sketches micros my_workspace_ids \
                    my_workspace_ids_as new_id post_state sketch_quantile version";
    let parallel: Vec<_> = parallel.split_whitespace().collect();
    let found = offenders("p.proparallel <> 'u'").await;
    let mut found: Vec<_> = found
        .lines()
        .map(|line| line.split('(').next().unwrap_or(line).trim_start_matches("crier."))
        .collect();
    found.sort_unstable();
    assert_eq!(found, parallel);
    // what is called immutable reads no table and no setting
    let immutable = offenders("p.provolatile = 'i'").await;
    let mut immutable: Vec<_> = immutable
        .lines()
        .map(|line| line.split('(').next().unwrap_or(line).trim_start_matches("crier."))
        .collect();
    immutable.sort_unstable();
    assert_eq!(
        immutable,
        [
            "bound_of_month",
            "first_id",
            "make_sketch",
            "merge_sketches",
            "micros",
            "month_tables",
            "post_state",
            "require_between",
            "require_window",
            "sketch_quantile",
            "stat_spans",
            "version"
        ]
    );
    // nothing that runs with its owner's rights is a superuser's, or is left to be planned with a user's rows in mind
    assert_eq!(offenders("p.proleakproof").await, "");
    let rights =
        "p.prosecdef AND (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r WHERE r.oid = p.proowner)";
    assert_eq!(offenders(rights).await, "");
}

#[tokio::test]
async fn definer_functions_belong_to_the_owner_role() {
    assert_eq!(offenders("p.prosecdef AND p.proowner <> 'crier_owner'::regrole").await, "");
}

#[tokio::test]
async fn nothing_is_open_to_everybody() {
    assert_eq!(
        offenders("p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0)")
            .await,
        ""
    );
}

#[tokio::test]
async fn no_function_takes_a_composite_type() {
    // CVE-2026-6460
    let composite = "EXISTS (SELECT FROM unnest(p.proargtypes::oid[]) a JOIN pg_type t ON t.oid = a \
                     LEFT JOIN pg_type el ON el.oid = t.typelem WHERE t.typtype = 'c' OR el.typtype = 'c' \
                     OR t.typname IN ('record', '_record'))";
    assert_eq!(offenders(composite).await, "");
}

#[tokio::test]
async fn the_roles_have_no_rights_of_their_own() {
    let session = Database::shared().await.connect().await;
    let roles = session
        .text(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'crier\\_%' AND (rolsuper OR rolbypassrls OR rolcreaterole \
             OR rolcreatedb OR rolreplication OR rolcanlogin)",
        )
        .await;
    assert_eq!(roles, "", "expected the four roles to have no rights of their own");
    assert_eq!(
        session
            .text("SELECT count(*) FROM pg_roles WHERE rolname ~ '^crier_(owner|app|worker|monitor)$'")
            .await,
        "4"
    );
}

#[tokio::test]
async fn every_table_has_row_security_and_is_no_member_of_the_extension() {
    let session = Database::shared().await.connect().await;
    let tables = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'crier' \
                  WHERE c.relkind IN ('r', 'p')";
    let open = format!("SELECT c.relname FROM {tables} AND NOT c.relispartition AND NOT c.relrowsecurity");
    assert_eq!(session.text(&open).await, "");
    let members = format!(
        "SELECT c.relname FROM {tables} AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass \
         AND d.objid = c.oid AND d.deptype = 'e')"
    );
    assert_eq!(session.text(&members).await, "", "pg_dump leaves the policies of members out");
    let owners = format!("SELECT c.relname FROM {tables} AND c.relowner <> 'crier_owner'::regrole");
    assert_eq!(session.text(&owners).await, "");
}

#[tokio::test]
async fn partitions_can_be_read_by_nobody_directly() {
    let session = Database::shared().await.connect().await;
    let readable = session
        .text(
            "SELECT c.relname, r.rolname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, \
             (VALUES ('crier_app'), ('crier_worker'), ('crier_monitor')) r(rolname) \
             WHERE n.nspname = 'crier' AND c.relispartition AND c.relkind = 'r' AND NOT c.relrowsecurity \
             AND has_table_privilege(r.rolname, c.oid, 'SELECT')",
        )
        .await;
    assert_eq!(readable, "", "row security of the parent doesn't hold on a partition that is read directly");
}

#[tokio::test]
async fn migrate_can_be_repeated_and_raced() {
    let database = Database::shared().await;
    let runs = (0..4).map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            let session = database.connect().await;
            session.text("SELECT string_agg(name, ',') FROM crier.migrate() WHERE action = 'applied'").await
        })
    });
    for run in runs.collect::<Vec<_>>() {
        assert_eq!(run.await.expect("a run"), "∅", "expected nothing left to apply");
    }
    let status = database
        .connect()
        .await
        .text("SELECT paused, library_version, schema_version > 0 FROM crier.status()")
        .await;
    assert_eq!(status, format!("f|{}|t", env!("CARGO_PKG_VERSION")));
}
