//! `/v1/worker`: an operator stops a crierd's loop, has it work off a batch, and starts it again. And the page for operators.

mod page;

use std::os::unix::fs::PermissionsExt;

use crier_tests::cluster::Database;
use crier_tests::crierd::Crierd;
use crier_tests::sim::Sim;
use crier_tests::stage::Stage;
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) const KEY: &str = "canary-key-of-an-operator-0123456789";

/// An account on a simulated platform, and a sidecar that has an API key.
pub(crate) async fn staged(settings: &[(&str, &str)]) -> (Sim, Stage, Crierd) {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    stage.without_pace().await;
    let path = stage.deployment.dir().join("api.keys");
    std::fs::write(&path, KEY).expect("the key");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("its mode");
    let mut all = vec![("CRIER_API_KEY_FILE", "api.keys")];
    all.extend(settings);
    let crierd = stage.deployment.start_with(&all).await;
    (sim, stage, crierd)
}

/// Something of everything that operators look at: a dead letter, a block of an account's action and one of a server. Gives the job.
pub(crate) async fn trouble(stage: &Stage) -> String {
    let account = stage.account;
    stage
        .sql
        .run(&format!(
            "SELECT crier.enqueue('resize_image', '{{}}', workspace_id => '{}', max_attempts => 1); \
             SELECT crier.fail_jobs(ARRAY[job_id], ARRAY[token], ARRAY['config'], ARRAY['{{\"message\": \"no <b>disk</b>\"}}'::jsonb]) \
             FROM crier.claim_jobs('w<1>', 1, kinds => '{{resize_image}}'); \
             SELECT crier.enqueue('resize_image', '{{}}', workspace_id => '{}'); \
             SELECT crier.block_account('{account}', now() + interval '1 hour', 'like', 'too <i>many</i>'); \
             SELECT crier.block_server('mastodon', 'a.example', now() + interval '2 hours', 'down')",
            stage.workspace, stage.workspace
        ))
        .await;
    stage.sql.text("SELECT job_id FROM crier.dead_jobs()").await
}

async fn ask(crierd: &Crierd, method: Method, path: &str, key: &str, body: &str) -> (u16, Value) {
    let request = crier_tests::http::client().request(method, format!("{}/v1/worker{path}", crierd.url()));
    let answer = request.bearer_auth(key).body(body.to_owned()).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a text");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn tell(crierd: &Crierd, path: &str, body: &str) -> Value {
    let (status, told) = ask(crierd, Method::POST, path, KEY, body).await;
    assert_eq!(status, 200, "{told}");
    told
}

#[tokio::test]
async fn a_stopped_loop_takes_what_a_batch_asks_for_and_nothing_else() {
    let (sim, stage, crierd) = staged(&[]).await;
    let told = tell(&crierd, "/stop", "").await;
    assert_eq!((&told["claiming"], &told["running"]), (&json!(false), &json!(0)), "{told}");
    let mut posts = vec![];
    for n in 0..5 {
        posts.push(stage.post(&format!("post {n}")).await);
    }
    let out = async || -> usize {
        let mut count = 0;
        for n in 0..5 {
            let seen = sim.visible(&format!("post {n}")).len();
            assert!(seen < 2, "expected no post twice");
            count += seen;
        }
        count
    };
    // the batch answers when all of it has ended, so that nothing is to be waited for
    let summary = tell(&crierd, "/process-batch", r#"{"max": 2}"#).await;
    assert_eq!(summary, json!({"claimed": 2, "done": 2, "failed": 0, "reported": 0}));
    assert_eq!(out().await, 2);
    let (_, stats) = ask(&crierd, Method::GET, "", KEY, "").await;
    assert_eq!(
        (&stats["claiming"], &stats["batch"], &stats["queue"]["pending"]),
        (&json!(false), &json!(false), &json!(3)),
        "{stats}"
    );
    assert_eq!(stats["workers"][0]["completed_last_day"], 2, "{stats}");
    // more than there is: it ends where nothing more is due
    let summary = tell(&crierd, "/process-batch", r#"{"max": 100}"#).await;
    assert_eq!(summary["claimed"], 3, "{summary}");
    assert_eq!(out().await, 5);
    let summary = tell(&crierd, "/process-batch", "").await;
    assert_eq!(summary, json!({"claimed": 0, "done": 0, "failed": 0, "reported": 0}));
    assert_eq!(tell(&crierd, "/start", "").await["claiming"], true);
    let post = stage.post("again by itself").await;
    stage.published(post).await;
    assert_eq!(sim.visible("again by itself").len(), 1);
}

#[tokio::test]
async fn nobody_without_a_key_is_answered_and_nothing_odd_is_done() {
    let (_sim, stage, crierd) = staged(&[]).await;
    for (method, path) in [
        (Method::GET, ""),
        (Method::POST, "/stop"),
        (Method::POST, "/start"),
        (Method::POST, "/process-batch"),
    ] {
        for key in ["", "x", "canary-key-of-an-operator"] {
            let (status, told) = ask(&crierd, method.clone(), path, key, "").await;
            assert_eq!(status, 401, "{path} {told}");
        }
    }
    for body in ["[", r#"{"max": 0}"#, r#"{"max": 1001}"#, r#"{"more": 1}"#] {
        let (status, told) = ask(&crierd, Method::POST, "/process-batch", KEY, body).await;
        assert_eq!(status, 400, "{body} {told}");
    }
    let (status, stats) = ask(&crierd, Method::GET, "", KEY, "").await;
    assert_eq!((status, &stats["claiming"]), (200, &json!(true)), "{stats}");
    assert!(!stage.deployment.logs().contains(KEY), "expected no key in the log");
}
