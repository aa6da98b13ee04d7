//! What becomes of threads, comments and replies on each platform.

use std::os::unix::fs::PermissionsExt;

use crier_tests::crierd::Crierd;
use crier_tests::pds::Pds;
use crier_tests::sim::mastodon;
use crier_tests::xrpc::Xrpc;

use super::*;

const APP: (&str, &str) = ("the-app", "canary-app-secret");

/// A thread of three on any platform.
async fn conforms(sim: &Sim, stage: &Stage) {
    let post = three_parts(stage).await;
    let targets = published(stage, post, 3).await;
    let ledger = in_a_row(sim, &["one", "two", "three"]);
    let images: Vec<_> = ledger.iter().map(|entry| entry.images.len()).collect();
    assert_eq!(images, [0, 1, 0]);
    for (part, target) in targets.iter().enumerate() {
        assert_eq!(target["part"], json!(part));
        assert_eq!(target["attempts"], 1, "{target}");
    }
    assert_eq!(state(stage, post).await, "published");
    let jobs = "SELECT kind, state, count(*) FROM crier.jobs GROUP BY 1, 2";
    assert_eq!(stage.sql.text(jobs).await, "publish_post|completed|3");
}

/// An answer to one's own post that is named in a setting.
async fn answers(sim: &Sim, stage: &Stage, platform: &str, answered: &str) -> Value {
    let sql = "SELECT crier.create_post($1, 'an answer', ARRAY[$2::uuid], settings => $3)";
    let settings = json!({ platform: {"reply_to": answered} });
    let post = stage.sql.value(sql, &[&stage.workspace, &stage.account, &settings]).await;
    let [target] = &published(stage, post, 1).await[..] else { panic!("one part") };
    let ledger = sim.ledger();
    let entry = ledger.last().expect("the answer");
    assert_eq!((entry.text.as_str(), entry.reply_to.as_ref()), ("an answer", Some(&ledger[0].uri)));
    target.clone()
}

#[tokio::test]
async fn a_thread_on_bluesky_names_its_first_post_in_every_part() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    conforms(&sim, &stage).await;
    let page = crier_tests::http::get(sim.url()).await.expect("the page").text().await.expect("text");
    let order: Vec<_> =
        ["<p>one</p>", "class=\"reply\"", "<p>two</p>", "<p>three</p>"].map(|part| page.find(part)).into();
    assert!(
        order.is_sorted() && order[0].is_some(),
        "expected the parts under each other: {order:?} in\n{page}"
    );
    let uris: Vec<_> = sim.ledger().into_iter().map(|entry| entry.uri).collect();
    let record = async |uri: &str| {
        let names: Vec<_> = uri.trim_start_matches("at://").split('/').collect();
        let query = [("repo", names[0]), ("collection", names[1]), ("rkey", names[2])];
        Xrpc::new(&sim.bluesky_url()).get(LOOK, &query, None).await.ok()
    };
    let (first, second, third) = (record(&uris[0]).await, record(&uris[1]).await, record(&uris[2]).await);
    let named = |record: &Value| json!({"uri": record["uri"], "cid": record["cid"]});
    assert_eq!(third["value"]["reply"], json!({"root": named(&first), "parent": named(&second)}));
    // and one that joins the thread later, by the address that people see
    let key = uris[0].rsplit('/').next().unwrap_or_default();
    let target =
        answers(&sim, &stage, "bluesky", &format!("https://bsky.app/profile/alice.test/post/{key}")).await;
    let joined = record(target["external_id"].as_str().unwrap_or_default()).await;
    assert_eq!(joined["value"]["reply"], json!({"root": named(&first), "parent": named(&first)}));
}

#[tokio::test]
async fn a_thread_on_mastodon() {
    let sim = Sim::start();
    let stage = Stage::on_mastodon(&sim, Database::shared().await).await;
    stage.without_pace().await;
    let _crierd = stage.deployment.start().await;
    conforms(&sim, &stage).await;
    let address = sim.ledger()[0].uri.clone();
    answers(&sim, &stage, "mastodon", &address).await;
}

/// An account on a simulated X.
async fn on_x() -> (Sim, Stage, Crierd) {
    let sim = Sim::start();
    let tokens = "first-access:first-refresh";
    sim.add_account("x", "alice", tokens);
    sim.platform("x").set(&json!({"client_id": APP.0, "client_secret": APP.1})).expect("settings");
    let stage = Stage::connected_on("x", Database::shared().await, "alice", &sim.url_of("x"), tokens).await;
    stage.without_pace().await;
    let secret = stage.deployment.dir().join("x.secret");
    std::fs::write(&secret, APP.1).expect("the secret");
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o400)).expect("its mode");
    let app = [("CRIER_X_CLIENT_ID", APP.0), ("CRIER_X_CLIENT_SECRET_FILE", "x.secret")];
    let crierd = stage.deployment.start_with(&app).await;
    (sim, stage, crierd)
}

#[tokio::test]
async fn a_thread_on_x() {
    let (sim, stage, _crierd) = on_x().await;
    conforms(&sim, &stage).await;
    let address = sim.ledger()[0].uri.clone();
    answers(&sim, &stage, "x", &address).await;
}

#[tokio::test]
async fn an_answer_that_is_lost_in_the_middle_of_a_thread_on_x() {
    let (sim, stage, _crierd) = on_x().await;
    sim.plan(Rule::once("x", "tweets.create", Fault::Delay).seconds(0.0));
    sim.plan(Rule::once("x", "tweets.create", Fault::DropAfterCommit));
    let post = thread(&stage, "one", &json!(["two", "three"])).await;
    published(&stage, post, 3).await;
    in_a_row(&sim, &["one", "two", "three"]);
}

#[tokio::test]
async fn equal_parts_of_a_thread_are_told_apart() {
    let sim = Sim::start();
    let stage = Stage::on_mastodon(&sim, Database::shared().await).await;
    stage.without_pace().await;
    // the server forgets keys, so that only the look can tell
    sim.platform(mastodon::NAME).set(&json!({"keys": "ignored"})).expect("settings");
    for fault in [Fault::DropBeforeCommit, Fault::DropAfterCommit] {
        sim.plan(Rule::once(mastodon::NAME, "statuses.create", Fault::Delay).times(2).seconds(0.0));
        sim.plan(Rule::once(mastodon::NAME, "statuses.create", fault));
        let before = sim.ledger().len();
        let crierd = stage.deployment.start().await;
        let post = thread(&stage, "the same", &json!(["the same", "the same"])).await;
        published(&stage, post, 3).await;
        crierd.kill();
        let ledger = sim.ledger().split_off(before);
        assert_eq!(ledger.len(), 3, "{fault:?}: {ledger:?}");
        assert_eq!(
            (&ledger[1].reply_to, &ledger[2].reply_to),
            (&Some(ledger[0].uri.clone()), &Some(ledger[1].uri.clone()))
        );
        sim.forget_faults();
    }
}

#[tokio::test]
async fn a_long_text_becomes_a_thread_only_where_it_is_too_long() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let text = "A sentence of some length that says nothing. ".repeat(14);
    let sql =
        "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], first_comment => 'the source', split => true)";
    let post = stage.sql.value(sql, &[&stage.workspace, &text, &stage.account]).await;
    published(&stage, post, 4).await;
    let ledger = sim.ledger();
    assert!(ledger[0].text.ends_with(" 1/3") && ledger[2].text.ends_with(" 3/3"), "{ledger:?}");
    assert_eq!(ledger[3].text, "the source");
    assert_eq!(ledger[3].reply_to, Some(ledger[0].uri.clone()), "expected the comment under the first part");
    let post: Value = stage.sql.value("SELECT crier.get_post($1)", &[&post]).await;
    assert_eq!(post["content"], json!(text), "expected the whole text to be kept");
}

/// An account on a simulated Instagram.
async fn on_instagram() -> (Sim, Stage) {
    let sim = Sim::start();
    sim.add_account("instagram", "alice.test", "IGAA-pasted-canary");
    let database = Database::shared().await;
    let url = sim.url_of("instagram");
    let stage = Stage::connected_on("instagram", database, "alice.test", &url, "IGAA-pasted-canary").await;
    stage.without_pace().await;
    (sim, stage)
}

#[tokio::test]
async fn a_first_comment_on_instagram() {
    let (sim, stage) = on_instagram().await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'a picture', ARRAY[$2::uuid], first_comment => '#one #two', \
               media => '[{\"url\": \"https://media.example/a.jpg\"}]')";
    for fault in [
        None,
        Some(Fault::DropBeforeCommit),
        Some(Fault::DropAfterCommit),
        Some(Fault::ServerErrorAfterCommit),
    ] {
        if let Some(fault) = fault {
            sim.plan(Rule::once("instagram", "media.comment", fault));
        }
        let before = sim.ledger().len();
        let post = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
        let targets = published(&stage, post, 2).await;
        let ledger = sim.ledger().split_off(before);
        let texts: Vec<_> = ledger.iter().map(|entry| entry.text.as_str()).collect();
        assert_eq!(texts, ["a picture", "#one #two"], "{fault:?}");
        assert_eq!(ledger[1].reply_to.as_ref(), Some(&ledger[0].uri));
        assert_eq!(targets[1]["external_id"], json!(ledger[1].key));
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
    let jobs = "SELECT kind, count(*) FROM crier.jobs GROUP BY 1 ORDER BY 1";
    assert_eq!(stage.sql.text(jobs).await, "publish_comment|4\npublish_post|4");
    // and a comment by itself, under the post that its address names
    let address = sim.ledger()[0].uri.clone();
    let target = answers(&sim, &stage, "instagram", &address).await;
    assert_eq!(target["part"], 0);
}

#[tokio::test]
async fn a_thread_on_a_real_bluesky_server() {
    let pds = Pds::shared();
    let account = pds.add_account("alice").await;
    let stage =
        Stage::connected(Database::shared().await, &account.handle, pds.url(), &account.app_password).await;
    stage.without_pace().await;
    let _crierd = stage.deployment.start().await;
    let post = three_parts(&stage).await;
    let targets = published(&stage, post, 3).await;
    let mut records = Vec::new();
    for target in &targets {
        records.push(pds.record(target["external_id"].as_str().expect("an address")).await);
    }
    let named = |at: usize| json!({"uri": records[at]["uri"], "cid": records[at]["cid"]});
    assert_eq!(records[0]["value"]["reply"], Value::Null);
    assert_eq!(records[1]["value"]["reply"], json!({"root": named(0), "parent": named(0)}));
    assert_eq!(records[2]["value"]["reply"], json!({"root": named(0), "parent": named(1)}));
    assert_eq!(records[1]["value"]["embed"]["images"].as_array().map(Vec::len), Some(1));
    assert_eq!(pds.posts(&account.did).await.len(), 3);
}
