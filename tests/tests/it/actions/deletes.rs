//! Posts that are taken back.

use crier_tests::sim::fault::Fault;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{On, text_of};

async fn delete(on: &On, target: &Value) -> Uuid {
    let id: Uuid = text_of(target, "id").parse().expect("an id");
    on.stage.sql.value("SELECT crier.delete_published($1)", &[&id]).await
}

fn call(on: &On) -> &'static str {
    match on.platform {
        "bluesky" => "com.atproto.repo.deleteRecord",
        "mastodon" => "statuses.delete",
        "x" => "tweets.delete",
        _ => "media.delete",
    }
}

fn shown(on: &On) -> usize {
    on.sim.platform(on.platform).timeline().len()
}

async fn everywhere() -> [On; 4] {
    [On::bluesky().await, On::mastodon().await, On::x().await, On::instagram().await]
}

#[tokio::test]
async fn on_every_platform_a_published_post_is_taken_back() {
    for on in everywhere().await {
        let _crierd = on.start().await;
        let (post, target) = on.published("regretted").await;
        assert_eq!((&target["deleted_at"], shown(&on)), (&Value::Null, 1), "{}", on.platform);
        let done = on.done(delete(&on, &target).await).await;
        assert_eq!((shown(&on), &done["kind"]), (0, &json!("delete_post")), "{}", on.platform);
        let target = on.stage.target(post).await;
        assert!(target["deleted_at"].is_string(), "{target}");
        assert_eq!(target["state"], "published", "what happened has happened: {target}");
        assert_eq!(
            on.stage.sql.text("SELECT state, published, deleted FROM crier.posts").await,
            "published|1|1"
        );
        let told = "SELECT post_id, target_id FROM crier.events WHERE kind = 'action_done'";
        assert_eq!(on.stage.sql.text(told).await, format!("{post}|{}", text_of(&target, "id")));
        let refusal = on
            .stage
            .sql
            .refusal(&format!("SELECT crier.delete_published('{}')", text_of(&target, "id")))
            .await;
        assert!(refusal.message.contains("was taken back already"), "{refusal}");
    }
}

#[tokio::test]
async fn one_fault_of_any_kind_and_it_is_gone() {
    for on in everywhere().await {
        let _crierd = on.start().await;
        for fault in [
            Fault::DropBeforeCommit,
            Fault::DropAfterCommit,
            Fault::ServerError,
            Fault::ServerErrorAfterCommit,
            Fault::RateLimited,
        ] {
            // Instagram's limits last whole minutes
            if (on.platform, fault) == ("instagram", Fault::RateLimited) {
                continue;
            }
            let (_, target) = on.published(&format!("{fault:?}")).await;
            on.fault(call(&on), fault);
            on.done(delete(&on, &target).await).await;
            assert_eq!((shown(&on), on.sim.faults_left()), (0, 0), "{fault:?} on {}", on.platform);
            // the breaker of the account has seen enough
            on.stage.sql.rows("SELECT crier.unblock_account($1)", &[&on.stage.account]).await;
        }
    }
}

#[tokio::test]
async fn who_asks_twice_gets_the_same_action() {
    let on = On::bluesky().await;
    let crierd = on.start().await;
    let (_, target) = on.published("regretted").await;
    crierd.kill();
    let first = delete(&on, &target).await;
    assert_eq!(delete(&on, &target).await, first);
    // of two at once, the second waits and finds the first
    let (_, other) = {
        let _crierd = on.start().await;
        on.done(first).await;
        on.published("regretted by two").await
    };
    let id = text_of(&other, "id");
    let second = on.stage.database.connect().await;
    on.stage.sql.run("BEGIN").await;
    let first = on.stage.sql.text(&format!("SELECT crier.delete_published('{id}')")).await;
    let waiting = tokio::spawn({
        let ask = format!("SELECT crier.delete_published('{id}')");
        async move { second.text(&ask).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%delete_published%'";
    let watch = on.stage.database.connect().await;
    crier_tests::wait::wait_until("the number of sessions that wait", "1".to_owned(), async || {
        watch.text(waits).await
    })
    .await;
    on.stage.sql.run("COMMIT").await;
    assert_eq!(waiting.await.expect("an answer"), first);
}

#[tokio::test]
async fn only_what_is_published_can_be_taken_back() {
    let on = On::bluesky().await;
    let refusal_of = async |call: &str, id: &str| {
        let refusal = on.stage.sql.refusal(&format!("SELECT crier.{call}('{id}')")).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("22023", "invalid_argument"),
            "{refusal}"
        );
        refusal.message
    };
    let post = on.stage.post("not yet").await;
    let target = on.stage.target(post).await;
    let id = text_of(&target, "id");
    for call in ["delete_published", "read_metrics"] {
        assert!(refusal_of(call, id).await.contains("is scheduled, not published"));
    }
    // what a person said is published, and what the platform has not told the id of
    for external_id in ["NULL", "platform_key"] {
        let set = format!(
            "UPDATE crier.post_target SET state = 'published', published_at = now(), platform_key = '7', request = '', \
             external_id = {external_id}"
        );
        on.stage.sql.run(&set).await;
        on.stage.sql.run(&set).await;
        for call in ["delete_published", "read_metrics"] {
            let message = refusal_of(call, id).await;
            assert!(message.contains("has no id that the platform knows"), "{external_id}: {message}");
        }
    }
}
