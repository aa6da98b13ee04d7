//! Sums are moved in one statement: what is committed while it runs is neither lost nor counted twice.

use crier_tests::wait::wait_until;

use super::Stage;

/// Whoever puts sums into hours waits until it may go on.
const HOLD: &str = "
    CREATE TABLE public.may_go_on ();
    GRANT SELECT ON public.may_go_on TO crier_owner;
    CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        WHILE NOT EXISTS (SELECT FROM public.may_go_on) LOOP
            PERFORM pg_catalog.pg_sleep(0.01);
        END LOOP;
        RETURN NEW;
    END $$;
    CREATE TRIGGER hold BEFORE INSERT ON crier.analytics_hour FOR EACH ROW EXECUTE FUNCTION public.hold()";

#[tokio::test]
async fn what_is_committed_meanwhile_is_neither_lost_nor_counted_twice() {
    let stage = Stage::new().await;
    let events = |count: i32| stage.record("'kind', 'a'", &format!("generate_series(1, {count}) n"));
    let counts = async |expected: i64| {
        for bucket in ["day", "hour"] {
            assert_eq!(stage.total(&stage.sql, bucket).await.0, expected, "by {bucket}");
        }
    };
    stage.sql.text(&events(1)).await;
    stage.sql.text("SELECT crier.roll_up_analytics()").await;
    // its sums are older, and committed later
    let late = stage.database.connect().await;
    late.run("BEGIN").await;
    late.text(&events(7)).await;
    stage.sql.text(&events(5)).await;

    stage.sql.run(HOLD).await;
    let mover = stage.database.connect().await;
    let at = format!(
        "SELECT coalesce(wait_event, '') FROM pg_stat_activity WHERE pid = {}",
        mover.text("SELECT pg_backend_pid()").await
    );
    let moving = tokio::spawn(async move { mover.text("SELECT crier.roll_up_analytics()").await });
    wait_until("the sums to be moved", "PgSleep".to_owned(), async || stage.sql.text(&at).await).await;
    counts(6).await;
    late.run("COMMIT").await;
    counts(13).await;
    stage.sql.run("INSERT INTO public.may_go_on DEFAULT VALUES").await;
    assert_eq!(moving.await.expect("an answer"), r#"{"moved": 1}"#);
    counts(13).await;
    assert_eq!(stage.sql.text("SELECT crier.roll_up_analytics()").await, r#"{"moved": 1}"#);
    counts(13).await;
}
