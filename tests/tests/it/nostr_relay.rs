//! End to end against a Nostr relay that others wrote: what it shows is what was asked for, once.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::nostr_relay::{Between, NostrRelay};
use crier_tests::sim::nostr::public_key;
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};

use crate::nostr::{NPUB, NSEC};

// what stands between is a task, and connecting an account blocks its thread
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn events_are_there_once() {
    let (relay, other) = (NostrRelay::start().await, NostrRelay::start().await);
    let between = Between::start(&relay).await;
    let me = public_key(NSEC).expect("a key");
    let database = Database::shared().await;
    let stage = Stage::connected_on("nostr", database, NPUB, &between.url(), NSEC).await;
    stage.without_pace().await;
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    let crierd = stage.deployment.start().await;

    let settings =
        json!({"nostr": {"relays": [other.url().replace("http:", "ws:")], "content_warning": "cw"}});
    let media = json!([{"url": "https://a.example/x.jpg", "alt": "a desk"}]);
    let text = format!("Grüße 🎉 #Rust \"quoted\" \\ nostr:{NPUB}\n\ttab");
    let post = stage.post_as(&text, &media, &settings).await;
    let target = stage.published(post).await;
    let named = crier_core::platform::nostr::event_ref(target["external_id"].as_str().expect("a name"));
    let id: String = named.expect("an event").id.iter().map(|byte| format!("{byte:02x}")).collect();
    for relay in [&relay, &other] {
        let [event] = &relay.events(&json!({ "ids": [id] })).await[..] else { panic!("not there once") };
        assert_eq!((&event["pubkey"], &event["kind"]), (&json!(me), &json!(1)));
        assert_eq!(event["content"], json!(format!("{text}\nhttps://a.example/x.jpg")));
        let tags = event["tags"].as_array().cloned().unwrap_or_default();
        for tag in [json!(["t", "rust"]), json!(["p", me]), json!(["content-warning", "cw"])] {
            assert!(tags.contains(&tag), "{tags:?}");
        }
        assert_eq!(relay.events(&json!({ "#t": ["rust"] })).await.len(), 1);
    }

    // published, and nobody knows: it is found
    backdoor::forget_outcome(&stage.sql, post).await;
    backdoor::undo_end_of_job(&stage.sql, post).await;
    stage.sql.run("NOTIFY crier_jobs").await;
    assert_eq!(stage.published(post).await["external_id"], target["external_id"]);

    // killed when the relay has taken it and nobody has heard
    between.be_silent(true);
    let post = stage.post("killed in between").await;
    wait_until("something that nobody got", true, async || between.kept() > 0).await;
    crierd.kill();
    between.be_silent(false);
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = stage.deployment.start().await;
    stage.published(post).await;

    // what it has is a duplicate, which is as good
    let post = stage.post("sent twice").await;
    stage.published(post).await;
    let send_again = "UPDATE crier.post_target SET state = 'queued', was_unclear = false WHERE post_id = $1";
    backdoor::forget_outcome(&stage.sql, post).await;
    // before its job may be taken
    stage.sql.rows(send_again, &[&post]).await;
    backdoor::undo_end_of_job(&stage.sql, post).await;
    stage.sql.run("NOTIFY crier_jobs").await;
    stage.published(post).await;

    // refused in so many words
    let post = stage.post(&"x".repeat(5_000)).await;
    let target = stage.ended(post).await;
    assert_eq!(
        (&target["state"], &target["error"]["class"]),
        (&json!("failed"), &json!("content_invalid")),
        "{target}"
    );

    // an answer, a like, and a post that is taken back
    let sql = "SELECT crier.create_post($1, 'first', ARRAY[$2::uuid], thread => '[\"second\"]')";
    let post: uuid::Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    wait_until("both parts", 5, async || {
        backdoor::make_retries_due(&stage.sql).await;
        relay.texts(&me).await.len()
    })
    .await;
    let post: Value = stage.sql.value("SELECT crier.get_post($1)", &[&post]).await;
    let first = &post["targets"][0];
    let sql = format!("SELECT crier.act('{}', 'like', $1)", stage.account);
    stage.sql.rows(&sql, &[&first["external_id"].as_str().expect("a name")]).await;
    let likes = json!({"authors": [me], "kinds": [7]});
    wait_until("the likes", 1, async || relay.events(&likes).await.len()).await;
    stage
        .sql
        .run(&format!("SELECT crier.delete_published('{}')", first["id"].as_str().expect("an id")))
        .await;
    wait_until("what is left", false, async || relay.texts(&me).await.contains(&"first".to_owned())).await;
    let mut texts = relay.texts(&me).await;
    texts.sort();
    let expected = [
        format!("{text}\nhttps://a.example/x.jpg"),
        "killed in between".into(),
        "second".into(),
        "sent twice".into(),
    ];
    assert_eq!(texts, expected);
    assert!(!stage.deployment.logs().contains(NSEC), "the secret key stands in the log");
}
