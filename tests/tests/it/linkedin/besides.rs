//! Comments, deletes and figures.

use crier_tests::wait::{SOON, wait_for};
use uuid::Uuid;

use super::*;

/// Waits until every target of a post is published.
async fn all_published(stage: &Stage, post: Uuid) -> Vec<Value> {
    wait_for("the targets to be published", SOON, async || {
        backdoor::age_intents(&stage.sql).await;
        backdoor::make_retries_due(&stage.sql).await;
        let shown: Value = stage.sql.value("SELECT crier.get_post($1)", &[&post]).await;
        let targets = shown["targets"].as_array().cloned().unwrap_or_default();
        let is_done = targets.iter().all(|target| target["state"] == "published");
        if is_done { Ok(targets) } else { Err(targets) }
    })
    .await
}

#[tokio::test]
async fn a_first_comment_is_there_once() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    for fault in [None, Some(Fault::DropBeforeCommit), Some(Fault::DropAfterCommit), Some(Fault::Garbage)] {
        if let Some(fault) = fault {
            sim.plan(Rule::once(NAME, "comments.create", fault));
        }
        let (text, before) = (format!("a post before {fault:?}"), sim.ledger().len());
        let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], first_comment => 'the (source) #here')";
        let post = stage.sql.value(sql, &[&stage.workspace, &text, &stage.account]).await;
        let targets = all_published(&stage, post).await;
        let ledger = sim.ledger().split_off(before);
        let texts: Vec<_> = ledger.iter().map(|entry| entry.text.as_str()).collect();
        assert_eq!(texts, [text.as_str(), "the (source) #here"], "{fault:?}");
        assert_eq!(ledger[1].reply_to.as_ref(), Some(&ledger[0].uri));
        assert_eq!(targets[1]["external_id"], json!(ledger[1].key), "{targets:?}");
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
    // and one by itself, under the post that its address names
    let address = sim.ledger()[0].uri.clone();
    let post = stage.post_as("an answer", &json!([]), &json!({ NAME: {"reply_to": address} })).await;
    let target = stage.published(post).await;
    let last = sim.ledger().pop().expect("the answer");
    assert_eq!((last.text.as_str(), &target["external_id"]), ("an answer", &json!(last.key)));
    let kinds = "SELECT kind, count(*) FROM crier.jobs GROUP BY 1 ORDER BY 1";
    assert_eq!(stage.sql.text(kinds).await, "publish_comment|5\npublish_post|4");
    // nothing is under what is not there
    let gone = json!({ NAME: {"reply_to": "urn:li:share:7"} });
    let post = stage.post_as("under nothing", &json!([]), &gone).await;
    assert_eq!(stage.reached(post, "failed").await["error"]["class"], "target_missing");
}

async fn done(stage: &Stage, sql: &str, id: Uuid) {
    let made = stage.sql.value(sql, &[&id]).await;
    stage.done(made).await;
}

fn id_of(target: &Value) -> Uuid {
    target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

#[tokio::test]
async fn a_post_of_a_page_is_counted_and_taken_back() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    let sql = "SELECT crier.create_post($1, 'regretted', ARRAY[$2::uuid], first_comment => 'me too')";
    let post = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    let targets = all_published(&stage, post).await;
    done(&stage, "SELECT crier.read_metrics($1)", id_of(&targets[0])).await;
    let shown: Value = stage.sql.value("SELECT crier.get_post($1)", &[&post]).await;
    let metrics = &shown["targets"][0]["metrics"];
    let figures = ["views", "likes", "replies", "shares"].map(|name| metrics[name].clone());
    assert_eq!(figures, [json!(0), json!(0), json!(1), json!(0)], "{metrics}");
    for (target, call) in [(&targets[1], "comments.delete"), (&targets[0], "posts.delete")] {
        sim.plan(Rule::once(NAME, call, Fault::DropAfterCommit));
        done(&stage, "SELECT crier.delete_published($1)", id_of(target)).await;
        assert_eq!(sim.calls(call), 2);
    }
    assert_eq!(sim.platform(NAME).timeline().len(), 0);
    let refusal =
        |action: &str| format!("SELECT crier.act('{}', '{action}', 'urn:li:share:7')", stage.account);
    for action in ["like", "follow"] {
        assert_eq!(stage.sql.refusal(&refusal(action)).await.detail, "unsupported");
    }
}

#[tokio::test]
async fn nothing_is_told_about_the_posts_of_members() {
    let (sim, stage) = simulated_as("alice", "member-access").await;
    let _crierd = start(&sim, &stage).await;
    let post = stage.post("uncounted").await;
    let target = stage.published(post).await;
    let job: Uuid = stage.sql.value("SELECT crier.read_metrics($1)", &[&id_of(&target)]).await;
    wait_until("the state of the job", "failed".to_owned(), async || {
        backdoor::make_retries_due(&stage.sql).await;
        stage.sql.text(&format!("SELECT state FROM crier.jobs WHERE id = '{job}'")).await
    })
    .await;
    assert_eq!(sim.calls("statistics"), 0);
    done(&stage, "SELECT crier.delete_published($1)", id_of(&target)).await;
    assert_eq!(sim.platform(NAME).timeline().len(), 0);
}

#[tokio::test]
async fn a_comment_waits_until_its_post_is_known_everywhere() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    sim.platform(NAME).publish_later(std::time::Duration::from_secs(3_600));
    let sql = "SELECT crier.create_post($1, 'just made', ARRAY[$2::uuid], first_comment => 'too early')";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    wait_until("the class of the comment", json!("transient"), async || {
        let shown: Value = stage.sql.value("SELECT crier.get_post($1)", &[&post]).await;
        shown["targets"][1]["error"]["class"].clone()
    })
    .await;
    let waits = "SELECT max(run_at) - now() BETWEEN interval '30 seconds' AND interval '90 seconds' \
                 FROM crier.jobs WHERE state = 'retrying'";
    assert_eq!(stage.sql.text(waits).await, "t");
    sim.platform(NAME).show_all();
    all_published(&stage, post).await;
    assert_eq!((sim.calls("comments.create"), sim.ledger().len()), (2, 2));
}
