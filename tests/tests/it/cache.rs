//! The response cache: what is kept is found by whom it belongs to, for its time, and made by one caller at a time.

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::create_workspace;
use uuid::Uuid;

async fn user(database: &Database, superuser: &Session) -> (Session, Uuid) {
    let role = format!("app_of_{}", database.name());
    superuser
        .run(&format!(
            "DO $$ BEGIN CREATE ROLE {role} LOGIN IN ROLE crier_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        ))
        .await;
    let (session, user) = (database.connect_as(&role).await, Uuid::new_v4());
    session.run(&format!("SET crier.user_id = '{user}'")).await;
    (session, user)
}

#[tokio::test]
async fn each_finds_what_is_theirs() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let ((one, one_id), (two, two_id)) =
        (user(&database, &superuser).await, user(&database, &superuser).await);
    let workspace = create_workspace(&superuser).await;
    for (id, role) in [(one_id, "editor"), (two_id, "viewer")] {
        superuser.text(&format!("SELECT crier.add_member('{workspace}', '{id}', '{role}')")).await;
    }
    for (session, value) in [(&one, "1"), (&two, "2"), (&superuser, "3")] {
        session.text(&format!("SELECT crier.cache_set('a', '{value}')")).await;
    }
    let get = "SELECT crier.cache_get('a')";
    assert_eq!(
        (one.text(get).await, two.text(get).await, superuser.text(get).await),
        ("1".into(), "2".into(), "3".into())
    );
    // what a workspace shares
    let (set, get) = (
        format!("SELECT crier.cache_set('a', '4', '1 minute', '{workspace}')"),
        format!("SELECT crier.cache_get('a', '{workspace}')"),
    );
    assert_eq!(two.refusal(&set).await.code, "42501");
    one.text(&set).await;
    assert_eq!((one.text(&get).await, two.text(&get).await), ("4".into(), "4".into()));
    superuser.text(&format!("SELECT crier.remove_member('{workspace}', '{two_id}')")).await;
    assert_eq!(two.refusal(&get).await.code, "P0002");
    for statement in [
        "SELECT * FROM crier.response_cache",
        "DELETE FROM crier.response_cache",
        "SELECT * FROM crier.cache_stats()",
    ] {
        assert_eq!(one.refusal(statement).await.code, "42501", "{statement}");
    }
    let stats = "SELECT hits, stale, misses, round(hit_rate::numeric, 2), entries FROM crier.cache_stats()";
    one.text("SELECT crier.cache_get('b')").await;
    assert_eq!(superuser.text(stats).await, "5|0|1|0.83|4");
    // what nobody commits is not there
    one.run("BEGIN; SELECT crier.cache_set('b', '1'); ROLLBACK").await;
    assert_eq!(one.text("SELECT crier.cache_get('b')").await, "∅");
}

#[tokio::test]
async fn it_ends_and_goes_and_is_bounded() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let (one, _) = user(&database, &superuser).await;
    superuser.text("SELECT crier.cache_set('a', '1', '1 minute')").await;
    superuser.text("SELECT crier.cache_set('b', '1', '1 hour')").await;
    let later = "UPDATE crier.response_cache SET expires_at = expires_at - interval '5 minutes'";
    superuser.run(later).await;
    assert_eq!(superuser.text("SELECT crier.cache_get('a'), crier.cache_get('b')").await, "∅|1");
    assert_eq!(
        superuser.text("SELECT crier.cleanup_expired_cache()").await,
        r#"{"deleted": 0}"#,
        "it may be of use still"
    );
    superuser.run(&format!("{later}; {later}")).await;
    assert_eq!(superuser.text("SELECT crier.cleanup_expired_cache()").await, r#"{"deleted": 1}"#);
    assert_eq!(superuser.text("SELECT crier.cache_get('b')").await, "1");

    superuser.run("UPDATE crier.tenant_limit SET max = 5 WHERE name = 'cache_entries'").await;
    for n in 1..=8 {
        one.text(&format!("SELECT crier.cache_set('k{n}', '{n}', '{} minutes')", 20 - n)).await;
        superuser.text(&format!("SELECT crier.cache_set('k{n}', '{n}')")).await;
    }
    let kept = "SELECT string_agg(key, ' ' ORDER BY key) FROM crier.response_cache WHERE scope";
    assert_eq!(
        superuser.text(&format!("{kept} = 'user'")).await,
        "k1 k2 k3 k4 k5",
        "those that end soonest go"
    );
    assert_eq!(
        superuser.text(&format!("{kept} = 'service' AND key LIKE 'k%'")).await.len(),
        23,
        "trusted callers are not bound"
    );
}

#[tokio::test]
async fn one_makes_it_and_the_others_have_the_old_one() {
    let database = Database::shared().await;
    let (one, two) = (database.connect().await, database.connect().await);
    let begin = "SELECT value, fresh, make FROM crier.cache_begin('slow')";
    assert_eq!(one.text(begin).await, "∅|f|t");
    assert_eq!(two.text(begin).await, "∅|f|f", "somebody is at it, and there was none before");
    one.text("SELECT crier.cache_set('slow', '1', '1 minute')").await;
    assert_eq!((one.text(begin).await, two.text(begin).await), ("1|t|f".into(), "1|t|f".into()));
    let end = "UPDATE crier.response_cache SET expires_at = now() - interval '1 second'";
    one.run(end).await;
    assert_eq!(two.text(begin).await, "1|f|t");
    assert_eq!(one.text(begin).await, "1|f|f", "the one that has run out");
    assert_eq!(one.text("SELECT crier.cache_get('slow')").await, "∅", "who asks so wants a fresh one");
    // who was to make it never came back
    one.run("UPDATE crier.response_cache SET made_until = now()").await;
    assert_eq!(one.text(begin).await, "1|f|t");
    assert_eq!(two.text(begin).await, "1|f|f");
    let stats = "SELECT hits, stale, misses FROM crier.cache_stats()";
    assert_eq!(one.text(stats).await, "2|5|2");
}
