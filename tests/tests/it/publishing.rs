//! What an application sees of its posts: when they appear, what became of each, and what happened to the account.

use crier_tests::cluster::Database;
use crier_tests::images::{data_url, png};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::{PASSWORD, Stage, dummy_sealed};
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

async fn simulated() -> (Sim, Stage) {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    (sim, stage)
}

async fn state(stage: &Stage, post: Uuid) -> String {
    stage.sql.value("SELECT state FROM crier.posts WHERE id = $1", &[&post]).await
}

#[tokio::test]
async fn a_post_appears_at_its_time() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'in time', ARRAY[$2::uuid], now() + interval '2 seconds')";
    let post = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    assert_eq!(state(&stage, post).await, "scheduled");
    stage.published(post).await;
    assert_eq!(state(&stage, post).await, "published");
    let at = &sim.ledger()[0].at;
    let late = "SELECT extract(epoch FROM $1::text::timestamptz - scheduled_at)::float8 FROM crier.posts WHERE id = $2";
    let late: f64 = stage.sql.value(late, &[at, &post]).await;
    // the ledger counts whole milliseconds
    assert!(
        (-0.001..10.0).contains(&late),
        "expected the post at its time or soon after, it was {late} s late"
    );
    let events =
        stage.sql.text("SELECT kind, payload ->> 'url' IS NOT NULL FROM crier.events ORDER BY id").await;
    assert_eq!(events, "account_connected|f\npost_published|t");
}

#[tokio::test]
async fn every_target_tells_its_own_outcome() {
    let (sim, stage) = simulated().await;
    sim.add_bluesky_account("bob.test", PASSWORD);
    let bob = stage.deployment.add_account(stage.workspace, "bob.test", &sim.bluesky_url(), PASSWORD);
    // a credential that can't be opened
    let spoil = "UPDATE crier.credential SET sealed = $1 WHERE account_id = $2";
    stage.sql.rows(spoil, &[&dummy_sealed(), &bob]).await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'to both', ARRAY[$2::uuid, $3])";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account, &bob]).await;
    wait_until("the state of the post", "partly_published".to_owned(), async || state(&stage, post).await)
        .await;
    let seen: Value = stage.sql.value("SELECT crier.get_post($1)", &[&post]).await;
    let target = |account: Uuid| {
        let targets = seen["targets"].as_array().into_iter().flatten();
        targets.clone().find(|target| target["account_id"] == json!(account)).expect("the target").clone()
    };
    let (good, bad) = (target(stage.account), target(bob));
    assert_eq!((&good["state"], &good["handle"]), (&json!("published"), &json!("alice.test")));
    assert!(good["url"].as_str().is_some_and(|url| url.starts_with("https://bsky.app/profile/")), "{good}");
    assert_eq!((&bad["state"], &bad["error"]["class"]), (&json!("failed"), &json!("config")), "{bad}");
    assert_eq!(sim.ledger().len(), 1);
    let counts = format!("SELECT targets, published, failed FROM crier.posts WHERE id = '{post}'");
    assert_eq!(stage.sql.text(&counts).await, "2|1|1");
}

#[tokio::test]
async fn posts_wait_while_the_grant_is_taken_away() {
    let (sim, stage) = simulated().await;
    let mut posts = vec![stage.post("one").await, stage.post("two").await];
    let later = "SELECT crier.create_post($1, 'three', ARRAY[$2::uuid], now() + interval '3 seconds')";
    posts.push(stage.sql.value(later, &[&stage.workspace, &stage.account]).await);
    sim.revoke("alice.test");
    let _crierd = stage.deployment.start().await;
    // nothing here makes a job due by hand
    let targets = async || {
        let of = "SELECT state, error ->> 'class' FROM crier.post_target ORDER BY created_at";
        stage.sql.text(of).await
    };
    let kept = "queued|auth_revoked\nqueued|auth_revoked\nqueued|auth_revoked";
    wait_until("the targets", kept.to_owned(), targets).await;
    for post in &posts {
        assert_eq!(state(&stage, *post).await, "publishing");
        assert_eq!(stage.target(*post).await["error"]["class"], "auth_revoked");
    }
    let attempts = "SELECT DISTINCT state, attempt FROM crier.jobs";
    assert_eq!(stage.sql.text(attempts).await, "retrying|0", "expected the wait to use up no attempt");
    let status = "SELECT status FROM crier.accounts";
    assert_eq!(stage.sql.text(status).await, "reauth_required");
    let events = "SELECT kind, count(*) FROM crier.events GROUP BY 1 ORDER BY 1";
    let told = stage.sql.text(events).await;
    assert_eq!(told, "account_connected|1\ntoken_refresh_failed|1", "expected to be told once");
    let refused =
        format!("SELECT crier.create_post('{}', 'x', ARRAY['{}'::uuid])", stage.workspace, stage.account);
    assert_eq!(stage.sql.refusal(&refused).await.code, "22023");

    let again = stage.deployment.add_account(stage.workspace, "alice.test", &sim.bluesky_url(), PASSWORD);
    assert_eq!(again, stage.account);
    assert_eq!(stage.sql.text(status).await, "active");
    let published = "published|∅\npublished|∅\npublished|∅";
    wait_until("the targets", published.to_owned(), targets).await;
    let mut texts: Vec<_> = sim.ledger().into_iter().map(|entry| entry.text).collect();
    texts.sort();
    assert_eq!(texts, ["one", "three", "two"]);
}

#[tokio::test]
async fn many_posts_on_many_sidecars_need_one_refresh() {
    const POSTS: usize = 10;
    const PUT: &str = "com.atproto.repo.putRecord";
    const REFRESH: &str = "com.atproto.server.refreshSession";
    let (sim, stage) = simulated().await;
    sim.be_strict();
    // in sessions that begin from now on the database counts how often the right to refresh is asked for
    let database = stage.sql.text("SELECT quote_ident(current_database())").await;
    stage.sql.run(&format!("ALTER DATABASE {database} SET track_functions = 'all'")).await;
    sim.add_bluesky_account("bob.test", PASSWORD);
    let bob = stage.deployment.add_account(stage.workspace, "bob.test", &sim.bluesky_url(), PASSWORD);
    let policy = "UPDATE crier.platform_policy SET account_concurrency = 2, account_gap = NULL WHERE platform = 'bluesky'";
    stage.sql.run(policy).await;
    sim.expire("alice.test");
    sim.expire("bob.test");
    sim.plan(Rule::once("bluesky", REFRESH, Fault::HoldAfterCommit).times(2));
    // each has room for one job of each account
    let _one = stage.deployment.start_with(&[("CRIER_WORKER_CONCURRENCY", "2")]).await;
    let _two = stage.deployment.start_with(&[("CRIER_WORKER_CONCURRENCY", "2")]).await;
    for n in 0..POSTS {
        let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid, $4])";
        let text = format!("post {n}");
        stage.sql.rows(sql, &[&stage.workspace, &text, &stage.account, &bob]).await;
    }
    // both sidecars have a job of each account: both were told by the server that its token has expired
    wait_until("the number of sent records", 4, async || sim.calls(PUT)).await;
    wait_until("the number of held answers", 2, async || sim.held()).await;
    // and both asked for the right to refresh while one had it
    let asked = "SELECT calls >= 4 FROM pg_stat_user_functions WHERE funcname = 'begin_refresh'";
    wait_until("four requests to refresh", "t".to_owned(), async || stage.sql.text(asked).await).await;
    assert_eq!(sim.calls(PUT), 4, "expected nothing more to be sent with an expired token");
    sim.release();
    let published = "SELECT count(*) FROM crier.post_target WHERE state = 'published'";
    wait_until("the number of published targets", (2 * POSTS).to_string(), async || {
        stage.sql.text(published).await
    })
    .await;
    assert_eq!(sim.ledger().len(), 2 * POSTS);
    assert_eq!(sim.calls(REFRESH), 2, "expected one refresh for an account");
    let generations = stage.sql.text("SELECT generation FROM crier.credential").await;
    assert_eq!(generations, "2\n2", "expected the refreshed credentials to be stored");
}

#[tokio::test]
async fn a_retry_goes_on_where_the_first_try_ended() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once("bluesky", "com.atproto.repo.putRecord", Fault::RateLimited).seconds(1.0));
    let media = json!([{"url": data_url("image/png", &png(4, 3, [1, 2, 3])), "alt": "kept"}]);
    let post = stage.post_with("limited", &media).await;
    let target = stage.published(post).await;
    assert_eq!(target["attempts"], 1, "expected a limit to use up no attempt: {target}");
    assert_eq!(sim.calls("com.atproto.repo.uploadBlob"), 1, "expected the image to be uploaded once");
    assert_eq!(sim.ledger()[0].images[0].alt, "kept");
}
