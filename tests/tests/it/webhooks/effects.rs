//! What follows from a webhook, through the real program.

use crier_tests::receiver::Receiver;
use crier_tests::sender;
use crier_tests::stage::create_workspace;
use crier_tests::wait::wait_until;
use serde_json::Value;
use uuid::Uuid;

use super::{Post, SECRET, now, said_of, send, signed};

/// A delivery by which a platform says that an account's grant is gone.
fn revoking(platform: &str, account: &str, at: u64) -> sender::Delivery {
    match platform {
        "instagram" => sender::deauthorized(SECRET, account, at),
        "x" => {
            signed("x", &format!(r#"{{"user_event":{{"revoke":{{"source":{{"user_id":"{account}"}}}}}}}}"#))
        }
        "slack" => signed(
            "slack",
            &format!(
                r#"{{"team_id":"{account}","type":"event_callback","event":{{"type":"app_uninstalled"}},"event_id":"E","event_time":{at}}}"#
            ),
        ),
        "telegram" => signed(
            "telegram",
            &format!(
                r#"{{"update_id":1,"my_chat_member":{{"chat":{{"id":"{account}"}},"date":{at},"new_chat_member":{{"status":"kicked"}}}}}}"#
            ),
        ),
        _ => signed(
            "tiktok",
            &format!(r#"{{"event":"authorization.removed","user_openid":"{account}","create_time":{at}}}"#),
        ),
    }
}

#[tokio::test]
async fn an_account_whose_grant_is_gone_asks_for_a_login() {
    let post = Post::new().await;
    let receiver = Receiver::start();
    let loopback = [("CRIER_ALERTS_ALLOW_LOOPBACK", "true")];
    let workspace = post.workspace.to_string();
    let mut command = post.deployment.command();
    command.envs(loopback).args(["alert", "add", "--url", &receiver.url(), "--workspace", &workspace]);
    let added = crier_tests::crierd::finish(&mut command, "");
    assert!(added.status.success(), "{added:?}");
    let platforms = ["tiktok", "instagram", "x", "slack", "telegram"];
    for platform in platforms {
        post.account(post.workspace, platform, "7").await;
    }
    let other = post.account(post.workspace, "tiktok", "8").await;
    let crierd = post.start_with(&loopback).await;
    for platform in platforms {
        let answer = send(&crierd, platform, &revoking(platform, "7", now())).await;
        assert_eq!(answer.status, 200, "{platform}: {answer:?}");
    }
    let states = "SELECT status, count(*) FROM crier.accounts GROUP BY 1 ORDER BY 1";
    wait_until("the accounts", "active|1\nreauth_required|5".to_owned(), async || {
        post.sql.text(states).await
    })
    .await;
    let active = post.sql.text("SELECT id FROM crier.accounts WHERE status = 'active'").await;
    assert_eq!(active, other.to_string());
    let events =
        "SELECT count(DISTINCT account_id), count(*) FROM crier.events WHERE kind = 'account_revoked'";
    assert_eq!(post.sql.text(events).await, "5|5");
    wait_until("the alerts", 5, async || receiver.received().len()).await;
    assert!(receiver.received().iter().all(|alert| alert.kind() == "account.reauth_required"));
}

#[tokio::test]
async fn a_word_of_yesterday_does_not_disconnect_an_account_of_today() {
    let post = Post::new().await;
    let account = post.account(post.workspace, "tiktok", "7").await;
    let status = format!("SELECT status FROM crier.accounts WHERE id = '{account}'");
    let crierd = post.start().await;
    // revoked two hours ago, connected again an hour ago, told only now
    let late = revoking("tiktok", "7", now() - 7_200);
    assert_eq!(send(&crierd, "tiktok", &late).await.status, 200);
    post.processed(1).await;
    assert_eq!(post.sql.text(&status).await, "active");
    assert_eq!(send(&crierd, "tiktok", &revoking("tiktok", "7", now())).await.status, 200);
    post.processed(2).await;
    assert_eq!(post.sql.text(&status).await, "reauth_required");
    // connected again; then somebody replays everything
    post.sql
        .run("UPDATE crier.social_account SET status = 'active'; UPDATE crier.credential SET updated_at = now()")
        .await;
    let replayed = post.sql.text("SELECT count(*) FROM crier.replay_webhooks('-infinity')").await;
    assert_eq!(replayed, "2");
    let replays = "SELECT count(*) FROM crier.jobs WHERE kind = 'process_webhook' AND state = 'completed'";
    wait_until("the jobs", "4".to_owned(), async || post.sql.text(replays).await).await;
    assert_eq!(post.sql.text(&status).await, "active");
    let told =
        "SELECT count(*), count(payload -> 'replay') FROM crier.events WHERE kind = 'webhook_received'";
    assert_eq!(post.sql.text(told).await, "4|2");
}

#[tokio::test]
async fn each_account_gets_its_own_part_and_no_other() {
    let post = Post::new().await;
    let second = create_workspace(&post.sql).await;
    let page = post.account(post.workspace, "facebook", "111").await;
    // one account, connected to two workspaces
    let shared = [
        post.account(post.workspace, "facebook", "222").await,
        post.account(second, "facebook", "222").await,
    ];
    let crierd = post.start().await;
    let entry = |id: &str| {
        format!(r#"{{"id":"{id}","changes":[{{"field":"feed","value":{{"message":"canary-{id}"}}}}]}}"#)
    };
    let body = format!(
        r#"{{"object":"page","entry":[{},{},{},{}]}}"#,
        entry("111"),
        entry("222"),
        entry("333"),
        entry("111")
    );
    assert_eq!(send(&crierd, "facebook", &signed("facebook", &body)).await.status, 200);
    post.processed(4).await;
    let rows = post
        .sql
        .rows("SELECT workspace_id, account_id, external_id, payload FROM crier.webhooks ORDER BY external_id, workspace_id", &[])
        .await;
    assert_eq!(rows.len(), 4);
    for row in &rows {
        let (workspace, account): (Option<Uuid>, Option<Uuid>) = (row.get(0), row.get(1));
        let (id, payload): (String, Value) = (row.get(2), row.get(3));
        let text = payload.to_string();
        let others = ["111", "222", "333"].into_iter().filter(|other| *other != id);
        assert!(others.into_iter().all(|other| !text.contains(&format!("canary-{other}"))), "{id}: {text}");
        match id.as_str() {
            "111" => assert_eq!((workspace, account), (Some(post.workspace), Some(page))),
            "222" => assert!(shared.contains(&account.expect("an account")), "{account:?}"),
            _ => assert_eq!((workspace, account), (None, None)),
        }
    }
    let entries =
        "SELECT jsonb_array_length(payload -> 'entry') FROM crier.webhooks WHERE external_id = '111'";
    assert_eq!(post.sql.text(entries).await, "2");
    let told =
        "SELECT count(*), count(DISTINCT workspace_id) FROM crier.events WHERE kind = 'webhook_received'";
    assert_eq!(post.sql.text(told).await, "3|2", "expected no event of an account that nobody has connected");
}

#[tokio::test]
async fn a_job_that_waits_for_a_post_looks_at_once() {
    let post = Post::new().await;
    let account = post.account(post.workspace, "bluesky", "did:plc:a").await;
    let make =
        "SELECT crier.create_post($1, 'a video', ARRAY[$2::uuid], scheduled_at => now() + interval '1 hour')";
    let (video, other): (Uuid, Uuid) = (
        post.sql.value(make, &[&post.workspace, &account]).await,
        post.sql.value(make, &[&post.workspace, &account]).await,
    );
    // as a provider leaves a post that the platform still works on
    let working = "UPDATE crier.post_target SET state = 'queued', prepared = jsonb_build_object('upload', jsonb_build_object('publish_id', \
                   'v_pub~' || (post_id = $1)::text))";
    post.sql.rows(working, &[&video]).await;
    post.sql.run("UPDATE crier.social_account SET platform = 'tiktok', external_id = 'acc'").await;
    // nobody but a test takes jobs that publish
    post.sql.run("SELECT crier.pause_jobs(kind => 'publish_post')").await;
    let crierd = post.start().await;
    let body = r#"{"event":"post.publish.complete","user_openid":"acc","content":"{\"publish_id\":\"v_pub~true\"}"}"#;
    assert_eq!(send(&crierd, "tiktok", &signed("tiktok", body)).await.status, 200);
    post.processed(1).await;
    let due = "SELECT p.post_id FROM crier.jobs j JOIN crier.post_target p ON p.job_id = j.id WHERE j.run_at <= now()";
    assert_eq!(post.sql.text(due).await, video.to_string(), "expected {video} and not {other} to be due");
    let result = "SELECT result ->> 'hastened' FROM crier.jobs WHERE kind = 'process_webhook'";
    assert_eq!(post.sql.text(result).await, "1");
}

#[tokio::test]
async fn what_can_not_be_processed_is_a_dead_letter_and_runs_again_when_told() {
    let post = Post::new().await;
    post.account(post.workspace, "tiktok", "acc").await;
    post.sql
        .run(
            "CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''a defect of a test''; END';
             CREATE TRIGGER broken BEFORE INSERT ON crier.event FOR EACH ROW WHEN (NEW.kind = 'webhook_received')
             EXECUTE FUNCTION public.broken();
             UPDATE crier.job_kind SET max_attempts = 2 WHERE kind = 'process_webhook'",
        )
        .await;
    let crierd = post.start().await;
    assert_eq!(send(&crierd, "tiktok", &signed("tiktok", &said_of("tiktok", "acc", 1))).await.status, 200);
    let job = "SELECT state, attempt, error ->> 'class', error ->> 'message' ~ 'a defect of a test' FROM crier.jobs \
               WHERE kind = 'process_webhook' ORDER BY id";
    wait_until("the job", "failed|2|transient|t".to_owned(), async || {
        crier_tests::backdoor::make_retries_due(&post.sql).await;
        post.sql.text(job).await
    })
    .await;
    assert_eq!(post.sql.text("SELECT count(processed_at) FROM crier.webhooks").await, "0");
    post.sql.run("DROP TRIGGER broken ON crier.event").await;
    post.sql.run("SELECT crier.replay_webhook(id) FROM crier.webhooks").await;
    post.processed(1).await;
    let events = "SELECT count(*) FROM crier.events WHERE kind = 'webhook_received'";
    assert_eq!(post.sql.text(events).await, "1");
    // the control: the dead letter itself can be tried again too, and does it once more
    assert_eq!(
        post.sql.text("SELECT count(*) FROM crier.dead_jobs(kinds => '{process_webhook}')").await,
        "1"
    );
}
