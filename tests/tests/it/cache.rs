//! The response cache: what is kept is found by whom it belongs to, for its time, and made by one caller at a time.

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::create_workspace;
use crier_tests::wait::wait_until;
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

#[tokio::test]
async fn of_those_who_ask_at_once_one_makes_it() {
    const CALLERS: usize = 6;
    let database = Database::shared().await;
    let mut sessions = Vec::new();
    for _ in 0..CALLERS {
        sessions.push(database.connect().await);
    }
    for round in 0..20 {
        let begin = format!("SELECT make FROM crier.cache_begin('key {}')", round / 2);
        let asked = sessions.iter().map(|session| session.text(&begin));
        let makers = futures_util::future::join_all(asked).await.iter().filter(|make| *make == "t").count();
        // every other time there is one that has run out, and nobody is at it
        assert_eq!(makers, 1, "round {round}");
        let ended = "UPDATE crier.response_cache SET value = '1', expires_at = now(), made_until = NULL";
        sessions[0].run(ended).await;
    }
}

#[tokio::test]
async fn who_asks_while_another_begins_hears_what_came_of_it() {
    let database = Database::shared().await;
    let (one, sql) = (database.connect().await, database.connect().await);
    let begin = "SELECT value, fresh, make FROM crier.cache_begin('slow')";
    for (end, expected) in [("COMMIT", "∅|f|f"), ("ROLLBACK", "∅|f|t")] {
        sql.run("TRUNCATE crier.response_cache").await;
        one.run("BEGIN").await;
        assert_eq!(one.text(begin).await, "∅|f|t");
        let two = database.connect().await;
        let pid = two.text("SELECT pg_backend_pid()").await;
        let asking = tokio::spawn(async move { two.text(begin).await });
        let waits = format!("SELECT coalesce(wait_event_type, '') FROM pg_stat_activity WHERE pid = {pid}");
        wait_until("the second to wait", "Lock".to_owned(), async || sql.text(&waits).await).await;
        one.run(end).await;
        assert_eq!(asking.await.expect("an answer"), expected, "after {end}");
    }
}

#[tokio::test]
async fn who_does_not_come_back_in_time_is_not_waited_for() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let gone = database.connect().await;
    assert_eq!(gone.text("SELECT make FROM crier.cache_begin('slow', patience => '2 seconds')").await, "t");
    drop(gone);
    let begin = "SELECT make FROM crier.cache_begin('slow')";
    assert_eq!(sql.text(begin).await, "f", "it is waited for, for that long");
    wait_until("another to make it", "t".to_owned(), async || sql.text(begin).await).await;
}

#[tokio::test]
async fn nobody_waits_for_another_tenant() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let ((one, one_id), (two, two_id)) =
        (user(&database, &superuser).await, user(&database, &superuser).await);
    let workspace = create_workspace(&superuser).await;
    superuser.text(&format!("SELECT crier.add_member('{workspace}', '{one_id}', 'editor')")).await;
    one.text("SELECT crier.cache_set('kept', '\"canary\"')").await;
    // another begins the same, of its own, and stays at it in a transaction that does not end
    two.run("BEGIN").await;
    two.text("SELECT crier.cache_get('kept')").await;
    two.text("SELECT crier.cache_set('kept', '2')").await;
    two.text("SELECT crier.cache_begin('slow', '1 hour')").await;
    one.run("SET lock_timeout = '1s'; SET statement_timeout = '10s'").await;
    let begin = "SELECT value, fresh, make FROM crier.cache_begin('slow')";
    assert_eq!(one.text(begin).await, "∅|f|t");
    assert_eq!(one.text("SELECT crier.cache_get('kept')").await, "\"canary\"");
    let theirs = format!("SELECT value FROM crier.cache_begin('slow', workspace_id => '{workspace}')");
    assert_eq!(two.refusal(&theirs).await.code, "P0002");
    two.run("ROLLBACK").await;
    // who only reads in a workspace can't keep its editors from making something
    superuser.text(&format!("SELECT crier.add_member('{workspace}', '{two_id}', 'viewer')")).await;
    assert_eq!(two.refusal(&theirs).await.code, "42501");
    let shared = format!("SELECT make FROM crier.cache_begin('slow', workspace_id => '{workspace}')");
    assert_eq!(one.text(&shared).await, "t");
    // nor does anybody wait to be counted: neither where others count, nor where nobody has since a crash
    for (before, count) in [
        ("", "UPDATE crier.cache_stat SET hits = hits"),
        (
            "TRUNCATE crier.cache_stat",
            "INSERT INTO crier.cache_stat SELECT n, 0, 0, 0 FROM generate_series(0, 63) n",
        ),
    ] {
        superuser.run(before).await;
        superuser.run(&format!("BEGIN; {count}")).await;
        assert_eq!(one.text("SELECT crier.cache_get('kept')").await, "\"canary\"", "during {count}");
        superuser.run("ROLLBACK").await;
    }
    superuser.text("SELECT crier.cleanup_expired_cache()").await;
    one.text("SELECT crier.cache_get('kept')").await;
    let counted = "SELECT hits FROM crier.cache_stats()";
    assert_eq!(superuser.text(counted).await, "1", "expected it to be counted again");
}
