//! Posts on Nostr: events that are signed once, and there once, on whichever relays.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::orders::{Course, FAULTS};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::sim::nostr::public_key;
use crier_tests::stage::{Stage, create_workspace};
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};

pub(crate) const NPUB: &str = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg";
pub(crate) const NSEC: &str = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5";

pub(crate) const COURSE: Course =
    Course { platform: "nostr", handle: NPUB, secret: NSEC, commit: "EVENT", kills: 12, ..Course::PLAIN };

/// What a relay means by these is that it takes nothing from this account.
const REFUSALS: [Fault; 2] = [Fault::Unauthorized, Fault::ExpiredToken];

async fn simulated() -> (Sim, Stage) {
    let sim = Sim::start();
    sim.add_account("nostr", NPUB, NSEC);
    let database = Database::shared().await;
    let stage = Stage::connected_on("nostr", database, NPUB, &sim.url_of("nostr"), NSEC).await;
    stage.without_pace().await;
    (sim, stage)
}

/// The address of a relay as posts name it.
fn relay(sim: &Sim) -> String {
    sim.url_of("nostr").replace("http:", "ws:")
}

async fn act(stage: &Stage, action: &str, subject: &str) -> Uuid {
    stage.sql.value("SELECT crier.act($1, $2, $3)", &[&stage.account, &action, &subject]).await
}

#[tokio::test]
async fn a_post_is_published_on_every_relay_that_it_names() {
    let (sim, stage) = simulated().await;
    let (other, dead) = (Sim::start(), "ws://127.0.0.1:1");
    let _crierd = stage.deployment.start().await;
    let settings = json!({"nostr": {"relays": [relay(&other), dead], "content_warning": "cw"}});
    let media = json!([{"url": "https://a.example/x.jpg", "alt": "a desk"}]);
    let post = stage.post_as("Grüße #rust 🎉", &media, &settings).await;
    let target = stage.published(post).await;
    let text = "Grüße #rust 🎉\nhttps://a.example/x.jpg";
    let (here, there) = (sim.visible(text), other.visible(text));
    assert_eq!((here.len(), there.len(), &here[0].key), (1, 1, &there[0].key));
    let name = target["external_id"].as_str().unwrap_or_default();
    let named = crier_core::platform::nostr::event_ref(name).expect("an event");
    let id: String = named.id.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((id, named.relays.len()), (here[0].key.clone(), 3));
    assert_eq!(target["url"], json!(format!("https://njump.me/{name}")));
    let logs = stage.deployment.logs();
    assert!(!logs.contains(NSEC), "the secret key stands in the log");
    let stored = stage.sql.text("SELECT string_agg(t::text, ' ') FROM crier.post_target AS t").await;
    assert!(!stored.contains("nsec"), "{stored}");
}

#[tokio::test]
async fn whatever_is_lost_there_is_one_event() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for fault in FAULTS.into_iter().chain([Fault::OddError]).filter(|fault| !REFUSALS.contains(fault)) {
        sim.plan(Rule::once("nostr", "EVENT", fault).seconds(1.0));
        let text = format!("{fault:?}");
        let post = stage.post(&text).await;
        wait_for("the post to be published", SOON, async || {
            stage.sql.text(&format!("SELECT crier.unblock_account('{}', 'publish')", stage.account)).await;
            backdoor::make_retries_due(&stage.sql).await;
            let target = stage.target(post).await;
            if target["state"] == "published" { Ok(()) } else { Err(target) }
        })
        .await;
        assert_eq!(sim.visible(&text).len(), 1, "{fault:?}");
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
    // found, and so not sent again
    assert!(sim.calls("REQ") >= 5, "{:?}", sim.call_names());
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer() {
    let (sim, stage) = simulated().await;
    let post = stage.killed_while_held(&sim, "nostr", "EVENT", "held").await;
    let _crierd = stage.deployment.start().await;
    stage.published(post).await;
    assert_eq!((sim.visible("held").len(), sim.calls("EVENT")), (1, 1));
}

#[tokio::test]
async fn a_relay_that_refuses_and_an_event_that_is_too_old() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let refuse = |why: Value| sim.platform("nostr").set(&json!({ "refuses": why })).expect("settings");
    refuse(json!("blocked: pubkey not admitted"));
    let post = stage.post("not admitted").await;
    let target = stage.ended(post).await;
    assert_eq!(
        (&target["state"], &target["error"]["class"]),
        (&json!("failed"), &json!("permission")),
        "{target}"
    );
    // it is signed anew
    refuse(json!("invalid: event creation date is too far off from the current time"));
    let post = stage.post("waited").await;
    wait_until("that it is forgotten", "t".to_owned(), async || {
        let sql = "SELECT bool_or(t.request IS NULL AND t.error IS NOT NULL) FROM crier.post_target t JOIN crier.post p ON p.id = t.post_id WHERE p.content = 'waited'";
        stage.sql.text(sql).await
    })
    .await;
    refuse(Value::Null);
    stage.published(post).await;
    assert_eq!(sim.visible("waited").len(), 1);
}

#[tokio::test]
async fn a_relay_that_shows_nothing_is_no_end_of_the_login() {
    let (sim, stage) = simulated().await;
    let close = |why: Value| sim.platform("nostr").set(&json!({ "closes": why })).expect("settings");
    close(json!("auth-required: we only serve members"));
    sim.plan(Rule::once("nostr", "EVENT", Fault::DropAfterCommit));
    let _crierd = stage.deployment.start().await;
    let post = stage.post("members only").await;
    wait_until("a look that is refused", true, async || sim.calls("REQ") > 0).await;
    stage.waits(post, "outcome_unknown").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "active");
    close(Value::Null);
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.visible("members only").len()), (&json!("published"), 1), "{target}");
}

#[tokio::test]
async fn a_relay_that_is_gone_keeps_nothing_from_being_sent_again() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("nostr", "EVENT", Fault::DropBeforeCommit));
    let _crierd = stage.deployment.start().await;
    let settings = json!({"nostr": {"relays": ["ws://127.0.0.1:1"]}});
    let post = stage.post_as("once", &json!([]), &settings).await;
    stage.published(post).await;
    assert_eq!((sim.visible("once").len(), sim.calls("EVENT")), (1, 2));
}

#[tokio::test]
async fn a_post_of_many_relays_is_taken_back_from_all() {
    let (sim, stage) = simulated().await;
    let others: Vec<_> = (0..9).map(|_| Sim::start()).collect();
    let _crierd = stage.deployment.start().await;
    let relays: Vec<_> = others.iter().map(relay).collect();
    let post = stage.post_as("many", &json!([]), &json!({"nostr": {"relays": relays[..6]}})).await;
    let target = stage.published(post).await;
    let name = target["external_id"].as_str().expect("a name");
    let named = crier_core::platform::nostr::event_ref(name).expect("an event");
    assert!(relays[..6].iter().all(|relay| named.relays.contains(relay)), "{named:?}");
    let id = target["id"].as_str().expect("an id");
    stage.sql.run(&format!("SELECT crier.delete_published('{id}')")).await;
    for other in [&sim, &others[5]] {
        wait_until("what is left", json!({"5": 1}), async || other.platform("nostr").figures()).await;
    }
    let refusal = stage.refused_post("too many", &json!([]), &json!({"nostr": {"relays": relays}})).await;
    assert_eq!(refusal.detail, "content_invalid", "{refusal}");
}

#[tokio::test]
async fn a_thread_a_like_and_a_deletion() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'first', ARRAY[$2::uuid], thread => '[\"second\", \"third\"]')";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    let targets = stage.published_parts(post).await;
    let [first, second, third] =
        ["first", "second", "third"].map(|text| sim.visible(text).into_iter().next().expect(text));
    assert_eq!((second.reply_to.as_ref(), third.reply_to.as_ref()), (Some(&first.key), Some(&second.key)));

    let (id, name) =
        (targets[0]["id"].as_str().expect("an id"), targets[0]["external_id"].as_str().expect("a name"));
    let like = act(&stage, "like", name).await;
    let state = format!("SELECT state FROM crier.actions WHERE id = '{like}'");
    wait_until("the state of the like", "done".to_owned(), async || stage.sql.text(&state).await).await;
    assert_eq!(sim.platform("nostr").figures(), json!({"1": 3, "7": 1}));
    stage.sql.run(&format!("SELECT crier.delete_published('{id}')")).await;
    wait_until("what is left", json!({"1": 2, "5": 1, "7": 1}), async || sim.platform("nostr").figures())
        .await;
    for (action, subject) in [("follow", NPUB), ("send_dm", NPUB)] {
        let act = format!("SELECT crier.act('{}', '{action}', '{subject}')", stage.account);
        assert_eq!(stage.sql.refusal(&act).await.detail, "unsupported", "{action}");
    }
}

#[tokio::test]
async fn what_can_not_be_is_refused() {
    let (sim, stage) = simulated().await;
    for (text, media, settings) in [
        ("x".repeat(8_193), json!([]), json!({})),
        ("é".repeat(4_097), json!([]), json!({})),
        ("x".to_owned(), json!([]), json!({"relays": ["http://relay.example"]})),
        ("x".to_owned(), json!([{"url": "data:image/png;base64,AAAA"}]), json!({})),
    ] {
        let refusal = stage.refused_post(&text, &media, &json!({ "nostr": settings })).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("22023", "content_invalid"),
            "{refusal}"
        );
    }
    let other = "npub1sg6plzptd64u62a878hep2kev88swjh3tw00gjsfl8f237lmu63q0uf63m";
    let workspace = create_workspace(&stage.sql).await;
    // the scheme of a relay is as good as that of HTTP
    for (handle, secret, word) in [(other, NSEC, NPUB), (NPUB, "nsec1", "secret key")] {
        let said = stage.deployment.try_add_account_on("nostr", workspace, handle, &relay(&sim), secret);
        assert!(!said.status.success() && said.stderr.contains(word), "{}", said.stderr);
        assert!(!said.stderr.contains(NSEC), "{}", said.stderr);
    }
    let said = stage.deployment.try_add_account_on("nostr", workspace, NPUB, &relay(&sim), NSEC);
    assert!(said.status.success(), "{}", said.stderr);
    let key: String = stage.sql.text("SELECT DISTINCT external_id FROM crier.social_account").await;
    assert_eq!(Some(key), public_key(NSEC));
}

#[tokio::test]
async fn no_order_of_faults_loses_a_post_on_nostr_or_doubles_it() {
    hold(COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_nostr() {
    hold_at_the_database(COURSE).await;
}
