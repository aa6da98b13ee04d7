//! One session that is now this user's, now that one's, as in a pool: what was planned for one holds for nobody else.

use crier_core::rights::Role;
use crier_tests::cluster::Database;

use super::oracle::two;

/// What is asked as everybody in turn: by the words in it one sees whose it is.
const QUESTIONS: [&str; 6] = [
    "SELECT content FROM crier.posts",
    "SELECT params::text FROM crier.jobs",
    "SELECT items::text FROM crier.list_posts()",
    "SELECT items::text FROM crier.list_jobs()",
    "SELECT items::text FROM crier.get_paginated_data('crier.workspace')",
    "SELECT name FROM crier.my_workspaces()",
];

#[tokio::test]
async fn a_plan_is_not_taken_along_to_another_user_or_role() {
    let database = Database::shared().await;
    let (_superuser, ours, theirs) = two(&database).await;
    let session = database.connect().await;
    session.run("CREATE ROLE pooled LOGIN; GRANT crier_app, crier_monitor TO pooled").await;
    for mode in ["force_generic_plan", "force_custom_plan"] {
        session.run(&format!("SET plan_cache_mode = {mode}")).await;
        for (n, question) in QUESTIONS.iter().enumerate() {
            session.run(&format!("PREPARE q{n} AS {question}")).await;
        }
        let [our_user, their_user] = [&ours, &theirs].map(|tenant| tenant.members[0].1.to_string());
        for round in 0..3 {
            for (role, user) in [
                ("none", ""),
                ("pooled", our_user.as_str()),
                ("pooled", their_user.as_str()),
                ("none", our_user.as_str()),
                ("crier_app", their_user.as_str()),
                ("crier_app", ""),
                ("pooled", our_user.as_str()),
            ] {
                session.run(&format!("SET ROLE {role}; SET crier.user_id = '{user}'")).await;
                for (n, question) in QUESTIONS.iter().enumerate() {
                    let text = session.text(&format!("EXECUTE q{n}")).await;
                    let sees = (text.contains("plain"), text.contains("c4n4ry"));
                    let bound = role != "none" || question.contains("my_workspaces");
                    let expected = match bound {
                        false => (true, true),
                        true => (user == our_user, user == their_user),
                    };
                    assert_eq!(
                        sees, expected,
                        "{mode}, round {round}: {question} as {role}, user {user:?}: {text}"
                    );
                }
            }
        }
        session.run("RESET ROLE; DEALLOCATE ALL").await;
    }
}

#[tokio::test]
async fn odd_claims_are_nobody_or_an_error_and_never_somebody_else() {
    let database = Database::shared().await;
    let (_superuser, ours, _theirs) = two(&database).await;
    let user = ours.members[3].1;
    let session = ours.owner();
    session.run("BEGIN").await;
    let count = "SELECT cardinality(crier.my_workspace_ids())";
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let long = format!("{{\"sub\": \"{user}\", \"x\": \"{}\"}}", "x".repeat(1_000_000));
    for (claims, expected) in [
        (format!("{{\"sub\": \"{user}\"}}"), "1"),
        (format!("  {{\"role\": \"x\", \"sub\": \"{}\"}} ", user.to_string().to_uppercase()), "1"),
        // a claim that is there, and names nobody, is not filled in by the setting of the session
        ("{}".into(), "0"),
        ("{\"sub\": null}".into(), "0"),
        ("{\"sub\": 7}".into(), "0"),
        (format!("{{\"sub\": [\"{user}\"]}}"), "0"),
        (format!("{{\"sub\": {{\"sub\": \"{user}\"}}}}"), "0"),
        (format!("[\"{user}\"]"), "0"),
        (format!("\"{user}\""), "0"),
        ("null".into(), "0"),
        (format!("{{\"Sub\": \"{user}\"}}"), "0"),
        // the last one counts, as for auth.uid()
        (format!("{{\"sub\": \"{}\", \"sub\": \"{user}\"}}", uuid::Uuid::nil()), "1"),
        (format!("{{\"sub\": \"{user}\", \"sub\": \"{}\"}}", uuid::Uuid::nil()), "0"),
        ("{\"sub\": \"\"}".into(), "22023"),
        (format!("{{\"sub\": \"{user} \"}}"), "22023"),
        (format!("{{\"sub\": \"{user}\\u0000\"}}"), "22023"),
        (format!("{{\"sub\": \"{user}\"}} x"), "22023"),
        ("{".into(), "22023"),
        (" ".into(), "22023"),
        (deep, "22023"),
        (long, "1"),
    ] {
        session.run("SAVEPOINT claims").await;
        session.rows("SELECT set_config('request.jwt.claims', $1, true)", &[&claims]).await;
        let shown: String = claims.chars().take(100).collect();
        match session.try_text(count).await {
            Ok(given) => assert_eq!(given, expected, "{shown}"),
            Err(refusal) => {
                assert_eq!(refusal.code, expected, "{shown}: {refusal}");
                assert!(refusal.message.len() < 300 && !refusal.hint.is_empty(), "{refusal}");
            }
        }
        session.run("ROLLBACK TO claims").await;
    }
    session.run("ROLLBACK").await;
    // an empty setting is what a local one is after its transaction
    session.run("SET request.jwt.claims = ''").await;
    assert_eq!(session.text(count).await, "1");
    assert_eq!(ours.as_role(Role::Viewer).text(count).await, "1");
}
