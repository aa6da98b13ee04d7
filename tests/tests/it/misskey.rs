//! Notes on Misskey, which has no key that could tell: one of each, whatever is lost on the way.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::connecting::Connecting;
use crier_tests::images::{data_url, film, png};
use crier_tests::orders::{Course, behind, picture};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};
use crate::usual;

const NAME: &str = "misskey";
const CREATE: &str = "notes/create";
const LOOK: &str = "users/notes";
const TOKEN: &str = "a-pasted-canary";

pub(crate) const COURSE: Course =
    Course { platform: NAME, secret: TOKEN, commit: CREATE, media: picture, ..Course::PLAIN };

async fn simulated() -> (Sim, Stage) {
    COURSE.simulated().await
}

#[tokio::test]
async fn a_note_is_there_as_it_was_asked_for() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let text = "Grüße 🎉 an @alice: https://crier.example/läufe #Überraschung\n\nEnde";
    let image = |alt: &str| json!({"url": data_url("image/png", &png(4, 3, [9, 0, 0])), "alt": alt});
    let media = json!([image("red"), {"url": data_url("video/mp4", &film()), "alt": "moves"}, image("")]);
    let settings = json!({ NAME: {"visibility": "home", "cw": "cw", "sensitive": true, "local_only": true} });
    let target = stage.published(stage.post_as(text, &media, &settings).await).await;
    let [entry] = &sim.visible(text)[..] else { panic!("{:?}", sim.ledger()) };
    assert_eq!((&target["external_id"], &target["url"]), (&json!(entry.key), &json!(entry.uri)), "{target}");
    let shown: Vec<_> =
        entry.images.iter().map(|image| (image.mime_type.as_str(), image.alt.as_str())).collect();
    assert_eq!(shown, [("image/png", "red"), ("video/mp4", "moves"), ("image/png", "")]);
    let note = read(&sim, "notes/show", &json!({"noteId": entry.key})).await;
    assert_eq!(
        [&note["cw"], &note["visibility"], &note["localOnly"]],
        [&json!("cw"), &json!("home"), &json!(true)]
    );
    assert_eq!(stage.sql.text("SELECT handle LIKE 'alice@127.0.0.1:%' FROM crier.accounts").await, "t");
    let log = stage.deployment.logs();
    assert!(!log.contains(TOKEN), "a token is in the log");
}

/// What the server says to a call.
async fn read(sim: &Sim, endpoint: &str, object: &Value) -> Value {
    read_as(TOKEN, sim, endpoint, object).await
}

async fn read_as(token: &str, sim: &Sim, endpoint: &str, object: &Value) -> Value {
    let mut object = object.clone();
    object["i"] = json!(token);
    let url = format!("{}/api/{endpoint}", sim.url_of(NAME));
    let answer = crier_tests::http::client().post(url).json(&object).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn a_note_whose_answer_is_lost_is_there_once() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for (fault, sends) in [
        (Fault::DropAfterCommit, 1),
        (Fault::ServerErrorAfterCommit, 1),
        (Fault::Garbage, 1),
        (Fault::DropBeforeCommit, 2),
    ] {
        let (sent, looks) = (sim.calls(CREATE), sim.calls(LOOK));
        sim.plan(Rule::once(NAME, CREATE, fault));
        let text = format!(" {fault:?}\n");
        let post = stage.post(&text).await;
        let target = stage.ended(post).await;
        assert_eq!((&target["state"], sim.visible(text.trim()).len()), (&json!("published"), 1), "{target}");
        assert_eq!((sim.calls(CREATE) - sent, sim.calls(LOOK) > looks), (sends, true), "{fault:?}");
    }
}

/// A note that somebody writes by hand.
async fn by_hand(sim: &Sim, token: &str, note: &Value) -> String {
    let made = read_as(token, sim, CREATE, note).await;
    made["createdNote"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

#[tokio::test]
async fn an_answer_in_a_channel_is_found() {
    let (sim, stage) = simulated().await;
    sim.add_account(NAME, "bob", "bobs-token");
    let _crierd = stage.deployment.start().await;
    let channel = json!({"text": "in a channel", "channelId": "c1"});
    for token in [TOKEN, "bobs-token"] {
        let on = by_hand(&sim, token, &channel).await;
        let sent = sim.calls(CREATE);
        sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
        let text = format!("to {token}");
        let post = stage.post_as(&text, &json!([]), &json!({ NAME: {"reply_to": on} })).await;
        stage.published_once(&sim, post, &text).await;
        assert_eq!(sim.calls(CREATE) - sent, 1, "{token}");
    }
    // and where the list with channels leaves out the rest
    sim.platform(NAME).set(&json!({"only_channels": true})).expect("settings");
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    let post = stage.post("in none").await;
    stage.published_once(&sim, post, "in none").await;
}

#[tokio::test]
async fn an_answer_that_a_mute_hides_is_not_sent_again() {
    let (sim, stage) = simulated().await;
    let bob = sim.add_account(NAME, "bob", "bobs-token");
    let _crierd = stage.deployment.start().await;
    let (own, bobs) = (
        by_hand(&sim, TOKEN, &json!({"text": "own"})).await,
        by_hand(&sim, "bobs-token", &json!({"text": "bob's"})).await,
    );
    sim.platform(NAME).set(&json!({ "mutes": [bob] })).expect("settings");
    for (on, fault, state, sends) in [
        (&bobs, Fault::DropAfterCommit, "unconfirmed", 1),
        (&own, Fault::DropAfterCommit, "published", 1),
        (&own, Fault::DropBeforeCommit, "published", 2),
    ] {
        let sent = sim.calls(CREATE);
        sim.plan(Rule::once(NAME, CREATE, fault));
        let text = format!("{fault:?} on {on}");
        let post = stage.post_as(&text, &json!([]), &json!({ NAME: {"reply_to": on} })).await;
        let target = stage.ended(post).await;
        let came = (target["state"].as_str(), sim.visible(&text).len(), sim.calls(CREATE) - sent);
        assert_eq!(came, (Some(state), 1, sends), "{target}");
    }
}

#[tokio::test]
async fn a_mark_at_the_ends_of_a_text_is_no_difference() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    let post = stage.post("\u{feff} hi \u{feff}").await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.visible("hi").len()), (&json!("published"), 1), "{target}");
    assert_eq!(sim.calls(CREATE), 1);
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer() {
    let (sim, stage) = simulated().await;
    let post = stage.killed_while_held(&sim, NAME, CREATE, "once").await;
    let _crierd = stage.deployment.start().await;
    let target = stage.published(post).await;
    assert_eq!((sim.calls(CREATE), sim.visible("once").len()), (1, 1), "{target}");
}

#[tokio::test]
async fn what_is_not_shown_yet_is_not_sent_again() {
    let sim = usual::what_is_shown_late_is_waited_for(COURSE, LOOK).await;
    assert_eq!(sim.calls(CREATE), 1);
}

#[tokio::test]
async fn files_that_are_gone_are_uploaded_again() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::RateLimited).seconds(3_600.0));
    let post = stage.post_with("late", &picture()).await;
    // what was written down names a file; it becomes one that the server does not know
    let forget = "UPDATE crier.post_target SET request = replace(request, '\"fileIds\":[\"', '\"fileIds\":[\"9') \
                  WHERE request IS NOT NULL AND state <> 'committing' RETURNING id";
    wait_until("the number of requests written down", 1, async || stage.sql.rows(forget, &[]).await.len())
        .await;
    stage.failed_as(post, "rate_limited").await;
    stage.unblock().await;
    stage.published(post).await;
    assert_eq!((sim.calls("drive/files/create"), sim.visible("late").len()), (2, 1));
}

#[tokio::test]
async fn a_limit_parks_the_account_for_as_long_as_it_says() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::RateLimited).seconds(3_600.0));
    let post = stage.post("later").await;
    stage.failed_as(post, "rate_limited").await;
    let waits =
        "SELECT run_at - now() BETWEEN interval '50 minutes' AND interval '70 minutes' FROM crier.jobs";
    assert_eq!(stage.sql.text(waits).await, "t");
    stage.sql.text(&format!("SELECT crier.unblock_account('{}', 'publish')", stage.account)).await;
    let target = stage.published(post).await;
    assert_eq!((&target["attempts"], sim.visible("later").len()), (&json!(1), 1), "{target}");
}

#[tokio::test]
async fn a_token_that_was_taken_back_keeps_its_notes_and_another_accounts_is_refused() {
    let (sim, stage) = simulated().await;
    sim.platform(NAME).revoke("alice");
    let _crierd = stage.deployment.start().await;
    let post = stage.post("kept").await;
    stage.failed_as(post, "auth_revoked").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "reauth_required");
    sim.add_account(NAME, "bob", "canary-of-bob");
    let server = sim.url_of(NAME);
    let printed =
        stage.deployment.try_add_account_on(NAME, stage.workspace, "alice", &server, "canary-of-bob");
    assert!(!printed.status.success() && printed.stderr.contains("bob"), "{printed:?}");
    assert!(!printed.stderr.contains("canary"), "{printed:?}");
    sim.add_account(NAME, "alice", "another-token");
    let again = stage.deployment.add_account_on(NAME, stage.workspace, "@alice", &server, "another-token");
    assert_eq!(again, stage.account);
    stage.published(post).await;
    assert_eq!(sim.visible("kept").len(), 1);
}

#[tokio::test]
async fn what_misskey_would_refuse_is_refused_before() {
    let (sim, stage) = simulated().await;
    for (content, settings, why) in [
        ("x".repeat(3_001), json!({}), "3001"),
        ("hi".into(), json!({ NAME: {"visibility": "specified"} }), "specified"),
        ("hi".into(), json!({ NAME: {"spoiler_text": "x"} }), "spoiler_text"),
    ] {
        let refusal = stage.refused(&content, &json!([]), &settings).await;
        assert!(refusal.message.contains(why), "{refusal}");
    }
    // a server that accepts less says so when the note is prepared
    sim.platform(NAME).set(&json!({"max_text": 5})).expect("settings");
    let _crierd = stage.deployment.start().await;
    let post = stage.post("too long").await;
    let target = stage.reached(post, "failed").await;
    assert_eq!((&target["error"]["class"], sim.calls(CREATE)), (&json!("content_invalid"), 0), "{target}");
}

#[tokio::test]
async fn a_thread_is_answers_in_their_order() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'one', ARRAY[$2::uuid], thread => '[\"two\", \"three\"]', \
               settings => '{\"misskey\": {\"visibility\": \"home\"}}')";
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit).times(3));
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    wait_for("the parts to be published", SOON, async || {
        backdoor::make_retries_due(&stage.sql).await;
        let state = stage.sql.text(&format!("SELECT state FROM crier.posts WHERE id = '{post}'")).await;
        if state == "published" { Ok(()) } else { Err(state) }
    })
    .await;
    let ledger = sim.ledger();
    let texts: Vec<_> = ledger.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    for pair in ledger.windows(2) {
        assert_eq!(pair[1].reply_to.as_ref(), Some(&pair[0].uri));
    }
    // and an answer to what is named by its address
    let answer = json!({ NAME: {"reply_to": ledger[0].uri} });
    let post = stage.post_as("an answer", &json!([]), &answer).await;
    stage.published(post).await;
    assert_eq!(sim.ledger()[3].reply_to.as_ref(), Some(&ledger[0].uri));
}

#[tokio::test]
async fn what_is_done_besides_is_done_once() {
    let (sim, stage) = simulated().await;
    let bob = sim.add_account(NAME, "bob", "bobs-token");
    let _crierd = stage.deployment.start().await;
    let target = stage.published(stage.post("regretted").await).await;
    let (note, id) = (target["external_id"].as_str().expect("an id"), target["id"].as_str().expect("an id"));
    let id: Uuid = id.parse().expect("a UUID");
    let host = sim.url_of(NAME).split('/').nth(2).expect("a host").to_owned();
    for (action, call, subject) in [
        ("like", "notes/reactions/create", note.to_owned()),
        ("follow", "following/create", format!("@bob@{host}")),
        ("follow", "following/create", bob),
    ] {
        sim.plan(Rule::once(NAME, call, Fault::DropAfterCommit));
        let sql = "SELECT crier.act($1, $2, $3)";
        let made = stage.sql.value(sql, &[&stage.account, &action, &subject]).await;
        stage.done(made).await;
    }
    let job: Uuid = stage.sql.value("SELECT crier.read_metrics($1)", &[&id]).await;
    stage.done(job).await;
    let post: Value = stage.sql.value("SELECT crier.get_post(id) FROM crier.posts", &[]).await;
    let metrics = &post["targets"][0]["metrics"];
    let figures = ["views", "likes", "replies", "shares"].map(|name| metrics[name].clone());
    assert_eq!(figures, [Value::Null, json!(1), json!(0), json!(0)], "{metrics}");
    sim.plan(Rule::once(NAME, "notes/delete", Fault::DropAfterCommit));
    let made = stage.sql.value("SELECT crier.delete_published($1)", &[&id]).await;
    stage.done(made).await;
    assert_eq!(sim.platform(NAME).timeline().len(), 0);
    let message = format!("SELECT crier.act('{}', 'send_dm', '@bob', 'psst')", stage.account);
    assert_eq!(stage.sql.refusal(&message).await.detail, "unsupported");
}

#[tokio::test]
async fn an_account_is_connected_by_miauth_and_publishes() {
    let test = Connecting::on(Database::shared().await).await;
    test.person(NAME, "alice");
    let (_crierd, server) = (test.start().await, test.sim.url_of(NAME));
    let page = test.log_in(NAME, Some(&server), None).await;
    let account = test.connected(&page)[0];
    let host = server.split('/').nth(2).expect("a host").to_owned();
    assert_eq!(test.account(account).await, format!("misskey alice@{host} active 1 t"));
    let sql = "SELECT crier.create_post($1, 'from a connected account', ARRAY[$2::uuid])";
    let post: Uuid = test.owner.value(sql, &[&test.workspace, &account]).await;
    wait_for("the post to be published", SOON, async || {
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        if shown["targets"][0]["state"] == "published" { Ok(()) } else { Err(shown) }
    })
    .await;
    assert_eq!(test.sim.visible("from a connected account").len(), 1);
    let again = test.log_in(NAME, Some(&server), Some(account)).await;
    assert_eq!(test.connected(&again), [account]);
    assert_eq!(test.account(account).await, format!("misskey alice@{host} active 2 t"));
    // another server is another account, whatever its id
    let sql = "SELECT account_id FROM crier.connect_account($1, 'misskey', 'ualice', 'a', $2)";
    let elsewhere: Uuid = test.sql.value(sql, &[&test.workspace, &"https://b.example"]).await;
    assert_ne!(elsewhere, account);
    let log = test.deployment.logs();
    assert!(test.sim.issued_tokens().iter().all(|token| !log.contains(token)), "a token is in the log");
}

#[tokio::test]
async fn no_order_of_faults_loses_a_note_or_doubles_it() {
    hold(COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn no_order_of_faults_at_a_look_loses_a_note_or_doubles_it() {
    hold(COURSE, |_| behind(CREATE, &[Fault::DropAfterCommit, Fault::DropBeforeCommit], LOOK)).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_misskey() {
    hold_at_the_database(COURSE).await;
}
