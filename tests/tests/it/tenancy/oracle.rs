//! Whatever a tenant calls or reads, nothing of another tenant comes back: no row, no word of an error, a notice, a notification or
//! a plan. And an id of another tenant's is answered as one of nobody's.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crier_tests::cluster::Database;
use crier_tests::session::{Refusal, Session};
use uuid::Uuid;

use super::app_role;
use super::calls::{CALLS, MIXED};
use super::filled::{Filled, named};
use super::rights::GRANTED;

/// Stands in all text of the other tenant.
const CANARY: &str = "c4n4ry";
/// In its figures.
const FIGURE: &str = "77700123";

/// What is looked for.
pub(super) struct Canaries(HashSet<Uuid>);

impl Canaries {
    /// Every id in any row of a workspace.
    pub(super) async fn of(superuser: &Session, workspace: Uuid) -> Self {
        let tables: Vec<String> = superuser
            .column(
                "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' \
                 WHERE c.relnamespace = 'crier'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
                &[],
            )
            .await;
        let mut ids = HashSet::new();
        for table in tables {
            let rows =
                format!("SELECT to_jsonb(t)::text FROM crier.{table} t WHERE workspace_id = '{workspace}'");
            ids.extend(uuids(&superuser.text(&rows).await));
        }
        ids.remove(&Uuid::nil());
        assert!(ids.len() > 20, "expected a tenant with everything, found {} ids", ids.len());
        Self(ids)
    }

    /// What of it stands in a text, besides what stood in the question.
    fn found(&self, text: &str, asked: &str) -> Option<String> {
        if let Some(word) =
            [CANARY, FIGURE].into_iter().find(|word| text.contains(word) && !asked.contains(word))
        {
            return Some(word.to_owned());
        }
        let known: HashSet<Uuid> = uuids(asked).collect();
        uuids(text).find(|id| self.0.contains(id) && !known.contains(id)).map(|id| id.to_string())
    }
}

/// The uuids in a text.
fn uuids(text: &str) -> impl Iterator<Item = Uuid> + '_ {
    let bytes = text.as_bytes();
    (0..bytes.len().saturating_sub(35))
        .filter(|at| bytes[at + 8] == b'-' && bytes[at + 13] == b'-')
        .filter_map(|at| {
            std::str::from_utf8(&bytes[at..at + 36]).ok().and_then(|text| Uuid::parse_str(text).ok())
        })
}

/// An answer, of either kind, as text.
fn said(answer: &Result<String, Refusal>) -> String {
    match answer {
        Ok(text) => text.clone(),
        Err(refusal) => format!("{refusal}"),
    }
}

/// Who asks: a session, and what is in reach for it.
struct Asker<'a> {
    session: &'a Session,
    user: Uuid,
    mine: Uuid,
    who: String,
}

impl Asker<'_> {
    /// Asks within a transaction that is taken back. One round trip: a million would add up.
    async fn ask(&self, statement: &str) -> Result<String, Refusal> {
        self.session.try_text(&format!("ROLLBACK; BEGIN; {statement}")).await
    }

    fn statement(&self, function: &str, args: &str, names: &BTreeMap<&'static str, String>) -> String {
        let args = args.replace("SELF", &self.user.to_string()).replace("MINE", &self.mine.to_string());
        format!("SELECT * FROM crier.{function}({})", named(&args, names))
    }
}

/// The relations of the schema that application users may read, and the others.
pub(super) async fn relations(superuser: &Session) -> (Vec<String>, Vec<String>) {
    let all = |may: &str| {
        format!(
            "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'crier'::regnamespace \
             AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {may} has_table_privilege('crier_app', c.oid, 'SELECT') ORDER BY 1"
        )
    };
    let readable: Vec<String> = superuser.column(&all(""), &[]).await;
    assert!(readable.len() > 15, "{readable:?}");
    (readable, superuser.column(&all("NOT"), &[]).await)
}

/// What a tenant reads of others in its relations, and which give nothing of its own.
pub(super) async fn read_all(session: &Session, readable: &[String], canaries: &Canaries) -> Vec<String> {
    let mut leaks = read_rows(session, readable, canaries).await;
    for relation in readable {
        for query in [
            format!("EXPLAIN (ANALYZE, VERBOSE, COSTS off) SELECT * FROM crier.{relation}"),
            format!("SELECT * FROM crier.{relation} t WHERE public.look(t::text)"),
            format!("SELECT t::text::integer FROM crier.{relation} t"),
            format!(
                "SELECT items FROM crier.get_paginated_data('crier.{relation}', p_key => 'workspace_id')"
            ),
        ] {
            let answer = session.try_text(&query).await;
            let notices = session.notices().join("\n");
            for text in [said(&answer), notices] {
                leaks.extend(canaries.found(&text, &query).map(|word| format!("{query}: {word}")));
            }
        }
    }
    leaks
}

/// The same of the rows alone.
pub(super) async fn read_rows(session: &Session, readable: &[String], canaries: &Canaries) -> Vec<String> {
    let mut leaks = Vec::new();
    for relation in readable {
        let query = format!("SELECT * FROM crier.{relation}");
        let text = session.text(&query).await;
        leaks.extend(canaries.found(&text, &query).map(|word| format!("{query}: {word}")));
        if text.is_empty() {
            leaks.push(format!("{query}: nothing of one's own"));
        }
    }
    leaks
}

/// Two filled tenants, and a function of a hostile user's that says everything it sees.
pub(super) async fn two(database: &Database) -> (Session, Filled, Filled) {
    let superuser = database.connect().await;
    let role = app_role(&superuser).await;
    superuser
        .run(&format!(
            "CREATE FUNCTION public.look(seen text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS \
             $$ BEGIN RAISE NOTICE '%', seen; RETURN true; END $$; \
             ALTER FUNCTION public.look OWNER TO {role}; GRANT EXECUTE ON FUNCTION public.look TO PUBLIC"
        ))
        .await;
    let ours = Filled::new(database, &superuser, &role, "plain").await;
    let theirs = Filled::new(database, &superuser, &role, CANARY).await;
    superuser.run("UPDATE crier.post_metrics SET likes = 1 WHERE target_id IN (SELECT id FROM crier.post_target WHERE external_id LIKE 'plain%')").await;
    (superuser, ours, theirs)
}

#[tokio::test]
async fn nothing_of_another_tenant_comes_back() {
    let database = Database::shared().await;
    let (superuser, ours, theirs) = two(&database).await;
    let canaries = Canaries::of(&superuser, theirs.workspace).await;
    let granted: BTreeSet<String> = superuser.column(GRANTED, &[]).await.into_iter().collect();
    let called: BTreeSet<String> = CALLS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(granted.is_subset(&called), "expected calls of {:?} in calls.rs", &granted - &called);

    let stranger = database.connect_as(&superuser.text("SELECT rolname FROM pg_roles WHERE rolname ~ '^app_' AND pg_has_role(oid, 'crier_app', 'member') LIMIT 1").await).await;
    let mut askers: Vec<Asker<'_>> = ours
        .members
        .iter()
        .map(|(role, user, session)| Asker {
            session,
            user: *user,
            mine: ours.workspace,
            who: role.to_string(),
        })
        .collect();
    let nobody = Uuid::new_v4();
    askers.push(Asker { session: &stranger, user: nobody, mine: ours.workspace, who: "nobody".into() });
    let mut leaks = Vec::new();
    let random = theirs.of_nobody();
    for asker in &askers {
        asker.session.run("LISTEN crier_jobs").await;
        for (function, args) in CALLS.iter().chain(MIXED).filter(|(name, _)| granted.contains(*name)) {
            let foreign = asker.statement(function, args, &theirs.names);
            let none = asker.statement(function, args, &random);
            let (answer, of_none) = (asker.ask(&foreign).await, asker.ask(&none).await);
            let told = [said(&answer), asker.session.notices().join("\n")];
            let who = &asker.who;
            leaks.extend(
                told.iter()
                    .filter_map(|text| canaries.found(text, &foreign))
                    .map(|word| format!("{who}: {foreign}: {word}")),
            );
            // all that differs is the id that was given
            let hide = |answer: &Result<String, Refusal>, names: &BTreeMap<&'static str, String>| {
                let (text, ok) = (said(answer), answer.is_ok());
                let hidden = names.values().fold(text, |text, id| text.replace(id, "…"));
                // new ids differ by themselves
                let same = match ok {
                    _ if DIFFERS.contains(function) => String::new(),
                    true => {
                        uuids(&hidden).fold(hidden.clone(), |text, id| text.replace(&id.to_string(), "#"))
                    }
                    false => hidden,
                };
                (ok, same)
            };
            let (theirs, nobodys) = (hide(&answer, &theirs.names), hide(&of_none, &random));
            if theirs != nobodys {
                leaks.push(format!("{who}: {foreign}: {theirs:?}, but {none}: {nobodys:?}"));
            }
        }
    }
    for asker in &askers {
        asker.session.run("ROLLBACK").await;
    }
    fuzz(&superuser, &askers, &theirs, &canaries, &mut leaks).await;
    let (readable, closed) = relations(&superuser).await;
    for asker in &askers[..4] {
        asker.session.run("ROLLBACK").await;
        leaks.extend(read_all(asker.session, &readable, &canaries).await);
        for relation in &closed {
            let refusal = asker.session.refusal(&format!("SELECT * FROM crier.{relation}")).await;
            assert_eq!(refusal.code, "42501", "crier.{relation}");
        }
    }
    // they work, and we listen
    theirs
        .owner()
        .text(&theirs.named("SELECT crier.create_post('WS', 'c4n4ry news', ARRAY['ACC'::uuid])"))
        .await;
    superuser.text("SELECT count(*) FROM crier.claim_jobs('c4n4ry', 10)").await;
    theirs.owner().text(&theirs.named("SELECT crier.enqueue('c4n4ry', workspace_id => 'WS')")).await;
    ours.owner().run("SELECT 1").await;
    while let Ok(Some(heard)) =
        tokio::time::timeout(std::time::Duration::from_millis(50), ours.owner().next_notification()).await
    {
        leaks.extend(canaries.found(&format!("{heard:?}"), "").map(|word| format!("notification: {word}")));
    }
    assert_eq!(leaks, [] as [String; 0], "\n{}", leaks.join("\n"));

    // what is looked for is there to be found: the other tenant finds it everywhere
    let seen = read_rows(theirs.owner(), &readable, &canaries).await;
    for relation in &readable {
        assert!(
            seen.iter().any(|leak| leak.contains(&format!("crier.{relation}: "))),
            "nothing to find in crier.{relation}"
        );
    }
    let mut found = 0;
    let owner = Asker {
        session: theirs.owner(),
        user: theirs.members[3].1,
        mine: theirs.workspace,
        who: "theirs".into(),
    };
    for (function, args) in CALLS.iter().filter(|(name, _)| granted.contains(*name)) {
        let answer = owner.ask(&owner.statement(function, args, &theirs.names)).await;
        found += usize::from(canaries.found(&said(&answer), "").is_some());
    }
    owner.session.run("ROLLBACK").await;
    assert!(found > 25, "expected the calls to give something of the tenant's, but {found} did");
}

/// What answers with something that is another each time: a time, a secret.
const DIFFERS: [&str; 2] = ["invite_member", "confirm_connect"];

/// Calls with whatever their types allow, the other tenant's ids among it.
async fn fuzz(
    superuser: &Session,
    askers: &[Asker<'_>],
    theirs: &Filled,
    canaries: &Canaries,
    leaks: &mut Vec<String>,
) {
    const ROUNDS: usize = 4;
    let functions = superuser
        .rows(
            "SELECT p.proname::text, ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t) FROM pg_proc p \
             WHERE p.pronamespace = 'crier'::regnamespace AND has_function_privilege('crier_app', p.oid, 'EXECUTE')",
            &[],
        )
        .await;
    let ids: Vec<&String> = theirs.names.values().filter(|id| id.len() == 36).collect();
    let mut dice: u64 = 20_261_130;
    let mut roll = |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) as usize % sides
    };
    for asker in askers {
        for row in &functions {
            let (name, types): (String, Vec<String>) = (row.get(0), row.get(1));
            for _ in 0..ROUNDS {
                let args: Vec<String> = types.iter().map(|of| any(of, &ids, &mut roll)).collect();
                let statement = format!("SELECT * FROM crier.{name}({})", args.join(", "));
                let answer = asker.ask(&statement).await;
                if let Err(refusal) = &answer
                    && refusal.code == "XX000"
                {
                    leaks.push(format!("{}: {statement}: {refusal}", asker.who));
                }
                for text in [said(&answer), asker.session.notices().join("\n")] {
                    leaks.extend(
                        canaries
                            .found(&text, &statement)
                            .map(|word| format!("{}: {statement}: {word}", asker.who)),
                    );
                }
            }
        }
    }
}

/// A value of a type, as SQL.
pub(super) fn any(of: &str, ids: &[&String], roll: &mut impl FnMut(usize) -> usize) -> String {
    if roll(12) == 0 {
        return format!("NULL::{of}");
    }
    let id = ids[roll(ids.len())];
    if let Some(element) = of.strip_suffix("[]") {
        let elements: Vec<String> = (0..roll(3)).map(|_| any(element, ids, roll)).collect();
        return format!("ARRAY[{}]::{of}", elements.join(", "));
    }
    let choices: Vec<String> = match of {
        "uuid" => vec![format!("'{id}'"), format!("'{id}'"), "gen_random_uuid()".into()],
        "text" => [
            "",
            "desc",
            "jobs",
            "posts",
            "day",
            "id",
            "like",
            "publish",
            "absent",
            "owner",
            "viewer",
            "'' OR true --",
            "%",
            "c4n4ry",
        ]
        .iter()
        .map(|word| format!("'{word}'"))
        .chain([format!("'{id}'")])
        .collect(),
        "jsonb" => vec![
            "'{}'".into(),
            "'[]'".into(),
            format!("jsonb_build_object('workspace_id', '{id}')"),
            format!("jsonb_build_object('id', '{id}', 'kind', 'k')"),
            format!("jsonb_build_array(jsonb_build_object('kind', 'k', 'workspace_id', '{id}'))"),
        ],
        "integer" | "bigint" => ["0", "1", "50", "-1", "2147483647"].map(str::to_owned).to_vec(),
        "boolean" => ["true", "false"].map(str::to_owned).to_vec(),
        "interval" => ["'1 hour'", "'-1 day'", "'7 days'", "'1000 years'"].map(str::to_owned).to_vec(),
        "timestamp with time zone" => {
            ["now()", "'infinity'", "'2020-01-01'", "now() + interval '1 day'"].map(str::to_owned).to_vec()
        }
        "bytea" => ["'\\x'", "'\\x0101'"].map(str::to_owned).to_vec(),
        "regclass" => ["'crier.job'", "'crier.post'", "'crier.credential'", "'pg_authid'", "'crier.posts'"]
            .map(str::to_owned)
            .to_vec(),
        _ => vec!["NULL".into()],
    };
    format!("{}::{of}", choices[roll(choices.len())])
}
