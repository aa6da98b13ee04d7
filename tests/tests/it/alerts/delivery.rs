//! From the job to the receiver.

use crier_tests::cluster::Database;
use crier_tests::crierd::finish;
use crier_tests::receiver::{Receiver, Reply};
use crier_tests::scan::{Finding, Secret, scan};
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::create_workspace;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::json;
use uuid::Uuid;

use super::{Alarm, ON_LOOPBACK, is_signed};

#[tokio::test]
async fn a_lost_post_is_told_signed() {
    let alarm = Alarm::new().await;
    let endpoint = alarm.add(Some(alarm.workspace), "");
    let _crierd = alarm.start().await;
    let sql = "SELECT crier.create_post($1, 'lost', ARRAY[$2::uuid])";
    let post: Uuid = alarm.sql.value(sql, &[&alarm.workspace, &alarm.account]).await;
    // the credential of its account can't be opened, which is for good
    let received = &alarm.received(1).await[0];
    assert!(is_signed(received, &endpoint.secret), "{received:?}");
    // the check itself: another secret, another body and another id are not accepted
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert!(!is_signed(received, other));
    let mut changed = received.clone();
    changed.body =
        changed.body.iter().map(|byte| if *byte == b'l' { b'L' } else { *byte }).collect::<Vec<_>>().into();
    assert!(!is_signed(&changed, &endpoint.secret));
    let mut changed = received.clone();
    changed.headers.insert("webhook-id", Uuid::new_v4().to_string().parse().expect("a header"));
    assert!(!is_signed(&changed, &endpoint.secret));

    assert_eq!(received.path, "/alerts?key=of-the-receiver");
    assert_eq!(received.header("content-type"), "application/json");
    let body = received.json();
    let fields: Vec<_> = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    assert_eq!(fields, ["data", "timestamp", "type"]);
    assert_eq!(body["type"], "post.failed");
    let data = &body["data"];
    assert_eq!((&data["post_id"], &data["workspace_id"]), (&json!(post), &json!(alarm.workspace)));
    assert_eq!((&data["handle"], &data["error"]["class"]), (&json!("alice.test"), &json!("config")));
    let completed = format!("{}|completed", received.header("webhook-id"));
    wait_until("the alert's job", completed, async || {
        alarm.sql.text("SELECT id, state FROM crier.jobs WHERE kind = 'deliver_alert'").await
    })
    .await;
    assert_eq!(
        alarm.listed(endpoint.id, "enabled, last_success_at IS NOT NULL, last_error, waiting").await,
        "t|t|∅|0"
    );
}

#[tokio::test]
async fn what_is_not_taken_comes_again_under_the_same_id() {
    let alarm = Alarm::new().await;
    let endpoint = alarm.add(Some(alarm.workspace), "post.failed");
    let replies = [Reply::Status(500), Reply::Nothing, Reply::Redirect, Reply::Status(404), Reply::Flood];
    alarm.receiver.plan(&replies);
    alarm.lose_post("content_invalid").await;
    let _crierd = alarm.start().await;
    let received = alarm.received(replies.len()).await;
    wait_until("the alert's job", "post.failed|completed".to_owned(), async || alarm.jobs().await).await;
    for delivery in &received {
        assert_eq!(delivery.header("webhook-id"), received[0].header("webhook-id"));
        assert_eq!(delivery.body, received[0].body, "expected the same bytes at every attempt");
        assert_eq!(delivery.path, "/alerts?key=of-the-receiver", "expected no redirect to be followed");
        assert!(is_signed(delivery, &endpoint.secret), "{delivery:?}");
    }
    let attempts = "SELECT attempt, max_attempts FROM crier.jobs WHERE kind = 'deliver_alert'";
    assert_eq!(alarm.sql.text(attempts).await, "5|14");
    assert_eq!(
        alarm.listed(endpoint.id, "last_failure_at IS NOT NULL, last_error, failing_since").await,
        "t|∅|∅"
    );
    assert_eq!(alarm.receiver.received().len(), replies.len(), "expected nothing after a success");
}

#[tokio::test]
async fn gone_is_the_end() {
    let alarm = Alarm::new().await;
    let endpoint = alarm.add(Some(alarm.workspace), "");
    alarm.receiver.plan(&[Reply::Status(410)]);
    alarm.lose_post("content_invalid").await;
    alarm.lose_post("content_invalid").await;
    // one at a time, so that the second comes after the answer to the first
    alarm.sql.run("UPDATE crier.job_kind SET owner_concurrency = 1 WHERE kind = 'deliver_alert'").await;
    let _crierd = alarm.start().await;
    let ended = "post.failed|failed\npost.failed|canceled".to_owned();
    wait_until("the alerts' jobs", ended, async || alarm.jobs().await).await;
    assert_eq!(alarm.receiver.received().len(), 1);
    assert_eq!(
        alarm.listed(endpoint.id, "enabled, disabled_because, last_error").await,
        "f|gone|the endpoint answered 410 (target_missing)"
    );
    alarm.lose_post("content_invalid").await;
    assert_eq!(alarm.jobs().await.lines().count(), 2, "expected nothing for an endpoint that is disabled");
    alarm.sql.run(&format!("SELECT crier.enable_alert_endpoint('{}')", endpoint.id)).await;
    alarm.lose_post("content_invalid").await;
    alarm.received(2).await;
}

#[tokio::test]
async fn an_endpoint_that_fails_for_days_is_disabled() {
    let alarm = Alarm::new().await;
    let endpoint = alarm.add(Some(alarm.workspace), "");
    alarm.receiver.plan(&[Reply::Status(500); 100]);
    alarm.lose_post("content_invalid").await;
    let _crierd = alarm.start().await;
    alarm.received(2).await;
    assert_eq!(alarm.listed(endpoint.id, "enabled").await, "t");
    let aged = "UPDATE crier.alert_endpoint SET failing_since = failing_since - interval '5 days'";
    alarm.sql.run(aged).await;
    // what still waits is given up at its next turn
    wait_until("the alert's job", "post.failed|canceled".to_owned(), async || {
        crier_tests::backdoor::make_retries_due(&alarm.sql).await;
        alarm.jobs().await
    })
    .await;
    assert_eq!(alarm.listed(endpoint.id, "enabled, disabled_because").await, "f|failing");
    let received = alarm.receiver.received().len();
    alarm.sql.run(&format!("SELECT crier.enable_alert_endpoint('{}')", endpoint.id)).await;
    alarm.lose_post("content_invalid").await;
    alarm.received(received + 1).await;
}

#[tokio::test]
async fn another_tenants_endpoint_is_never_used() {
    let alarm = Alarm::new().await;
    let endpoint = alarm.add(Some(alarm.workspace), "");
    let elsewhere = create_workspace(&alarm.sql).await;
    let theirs = alarm.add(Some(elsewhere), "");
    let forge = async |workspace: Option<Uuid>, endpoint: &str| {
        let sql = "SELECT crier.enqueue('deliver_alert', jsonb_build_object('endpoint_id', $1::text, 'type', 'post.failed', \
                   'data', '{}'::jsonb), workspace_id => $2)";
        alarm.sql.rows(sql, &[&endpoint, &workspace]).await;
    };
    // a job that names what is not its workspace's goes nowhere
    forge(Some(elsewhere), &endpoint.id.to_string()).await;
    forge(None, &endpoint.id.to_string()).await;
    forge(Some(alarm.workspace), "nonsense").await;
    let _crierd = alarm.start().await;
    let canceled = ["post.failed|canceled"; 3].join("\n");
    wait_until("the forged jobs", canceled, async || alarm.jobs().await).await;
    // a secret that was sealed for another endpoint does not open here
    let swap = "UPDATE crier.alert_endpoint SET sealed = (SELECT sealed FROM crier.alert_endpoint WHERE id = $1) WHERE id = $2";
    alarm.sql.rows(swap, &[&theirs.id, &endpoint.id]).await;
    alarm.lose_post("content_invalid").await;
    wait_for("the endpoint to say why", SOON, async || {
        let error = alarm.listed(endpoint.id, "last_error").await;
        if error.contains("does not open") { Ok(()) } else { Err(error) }
    })
    .await;
    assert_eq!(alarm.listed(endpoint.id, "enabled, disabled_because").await, "f|config");
    assert_eq!(alarm.receiver.received().len(), 0);
    // the control: one of its own arrives
    forge(Some(elsewhere), &theirs.id.to_string()).await;
    assert!(is_signed(&alarm.received(1).await[0], &theirs.secret));
}

#[tokio::test]
async fn a_workspaces_endpoint_on_this_machine_is_not_called() {
    let alarm = Alarm::new().await;
    let endpoint = alarm.add(Some(alarm.workspace), "");
    alarm.lose_post("content_invalid").await;
    // without the setting of tests
    let crierd = alarm.deployment.start().await;
    wait_until("the alert's job", "post.failed|failed".to_owned(), async || alarm.jobs().await).await;
    let error = alarm.listed(endpoint.id, "last_error").await;
    assert!(error.contains("the address of the endpoint"), "{error}");
    assert_eq!(
        alarm.listed(endpoint.id, "enabled, disabled_because").await,
        "f|config",
        "expected no second try"
    );
    assert_eq!(alarm.receiver.received().len(), 0);
    // the operator's own may be next door
    let own = alarm.add(None, "");
    alarm.lose_post("content_invalid").await;
    assert!(is_signed(&alarm.received(1).await[0], &own.secret));
    assert!(!crierd.log().contains("of-the-receiver"), "expected no address of an endpoint in the log");
}

#[tokio::test]
async fn posts_go_out_while_an_endpoint_hangs() {
    let sim = crier_tests::sim::Sim::start();
    let stage = crier_tests::stage::Stage::on_simulator(&sim, Database::shared().await).await;
    // takes connections and never answers
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let printed = stage.deployment.run(&["alert", "add", "--url", &url], "");
    let id = printed.stdout.lines().next().expect("an id").to_owned();
    let flood = "SELECT crier.enqueue('deliver_alert', jsonb_build_object('endpoint_id', $1::text, 'type', 'post.failed', \
                 'data', '{}'::jsonb)) FROM generate_series(1, 50)";
    stage.sql.rows(flood, &[&id]).await;
    stage.sql.run("UPDATE crier.job_kind SET owner_concurrency = NULL WHERE kind = 'deliver_alert'").await;
    let variables = [("CRIER_WORKER_CONCURRENCY", "4")];
    let _crierd = stage.deployment.start_with(&variables).await;
    let running = "SELECT count(*) FROM crier.jobs WHERE kind = 'deliver_alert' AND state = 'running'";
    wait_until("the alerts under way", "1".to_owned(), async || stage.sql.text(running).await).await;
    let begun = std::time::Instant::now();
    let post = stage.post("meanwhile").await;
    stage.published(post).await;
    assert!(begun.elapsed().as_secs() < 9, "expected the post not to wait for an endpoint");
    assert_eq!(stage.sql.text(running).await, "1", "expected a quarter of the places at most");
}

#[tokio::test]
async fn alerts_go_out_while_posts_queue_up() {
    const POSTS: i64 = 60;
    let sim = crier_tests::sim::Sim::start();
    let stage = crier_tests::stage::Stage::on_simulator(&sim, Database::shared().await).await;
    stage.without_pace().await;
    sim.plan(Rule::once("bluesky", "com.atproto.repo.putRecord", Fault::Delay).times(u32::MAX).seconds(0.1));
    let receiver = Receiver::start();
    let printed = stage.deployment.run(&["alert", "add", "--url", &receiver.url()], "");
    let id = printed.stdout.lines().next().expect("an id").to_owned();
    let posts =
        "SELECT crier.create_post($1, 'a post of many', ARRAY[$2::uuid]) FROM generate_series(1, $3::bigint)";
    stage.sql.rows(posts, &[&stage.workspace, &stage.account, &POSTS]).await;
    let alert = "SELECT crier.enqueue('deliver_alert', jsonb_build_object('endpoint_id', $1::text, 'type', 'post.failed', \
                 'data', '{}'::jsonb))";
    stage.sql.rows(alert, &[&id]).await;
    let _crierd = stage.deployment.start_with(&[("CRIER_WORKER_CONCURRENCY", "1")]).await;
    wait_until("the number of deliveries", 1, async || receiver.received().len()).await;
    let published = "SELECT count(*) FROM crier.post_target WHERE state = 'published'";
    let published: i64 = stage.sql.value(published, &[]).await;
    assert!(published < POSTS / 2, "expected the alert not to wait for {published} posts");
}

#[tokio::test]
async fn a_test_says_how_the_endpoint_answers() {
    let alarm = Alarm::new().await;
    let own = alarm.add(None, "post.failed");
    let test = |id: Uuid| alarm.deployment.run(&["alert", "test", &id.to_string()], "");
    let printed = test(own.id);
    assert!(printed.status.success() && printed.stdout.contains("answered 204"), "{printed:?}");
    let received = &alarm.receiver.received()[0];
    assert!(is_signed(received, &own.secret));
    assert_eq!(received.kind(), "test");
    assert!(printed.stdout.contains(received.header("webhook-id")), "{printed:?}");

    alarm.receiver.plan(&[Reply::Status(500)]);
    let printed = test(own.id);
    assert_eq!(printed.status.code(), Some(1), "{printed:?}");
    assert!(printed.stderr.contains("the endpoint answered 500"), "{printed:?}");
    let missing = test(Uuid::new_v4());
    assert!(missing.stderr.contains("there is no alert endpoint"), "{missing:?}");
    // a workspace's on this machine: no
    let tenants = alarm.add(Some(alarm.workspace), "");
    let refused = test(tenants.id);
    assert!(refused.stderr.contains("the address of the endpoint"), "{refused:?}");
    assert!(!refused.stderr.contains("of-the-receiver"), "{refused:?}");

    let list = alarm.deployment.run(&["alert", "list"], "").stdout;
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.contains(&format!("{}  installation  enabled  post.failed  0 waiting", own.id)), "{list}");
    let removed = alarm.deployment.run(&["alert", "remove", &own.id.to_string()], "");
    assert!(removed.status.success(), "{removed:?}");
    let of_workspace = ["alert", "list", "--workspace", &alarm.workspace.to_string()];
    assert!(alarm.deployment.run(&of_workspace, "").stdout.starts_with(&tenants.id.to_string()));
    for (url, workspace) in [
        ("http://alerts.example/", None),
        ("https://10.0.0.1/", None),
        ("http://127.0.0.1:1/", Some(alarm.workspace.to_string())),
        ("https://alerts.example:8443/", Some(alarm.workspace.to_string())),
    ] {
        let mut command = alarm.deployment.command();
        command.args(["alert", "add", "--url", url]);
        if let Some(id) = &workspace {
            command.args(["--workspace", id]);
        }
        let printed = finish(&mut command, "");
        assert_eq!(printed.status.code(), Some(1), "{url}: {printed:?}");
        assert!(printed.stdout.is_empty() && printed.stderr.contains("address"), "{url}: {printed:?}");
    }
    assert_eq!(alarm.sql.text("SELECT count(*) FROM crier.alert_endpoint").await, "1");
}

#[tokio::test]
async fn secrets_are_nowhere_in_clear() {
    const PLANTED: &str = "planted-canary-0815-xyz";
    let alarm = Alarm::on(
        Database::private_with(&[
            ("log_statement", "all"),
            ("log_min_duration_statement", "0"),
            ("log_parameter_max_length", "-1"),
            ("log_parameter_max_length_on_error", "-1"),
            ("log_min_messages", "debug1"),
        ])
        .await,
    )
    .await;
    let added = [alarm.add(Some(alarm.workspace), ""), alarm.add(None, "")];
    let variables = [ON_LOOPBACK, &[("CRIER_LOG_LEVEL", "trace")]].concat();
    let crierd = alarm.deployment.start_with(&variables).await;
    alarm.receiver.plan(&[Reply::Status(500), Reply::Nothing, Reply::Redirect, Reply::Status(400)]);
    alarm.lose_post("content_invalid").await;
    alarm.received(6).await;
    let completed = ["post.failed|completed"; 2].join("\n");
    wait_until("the alerts' jobs", completed, async || alarm.jobs().await).await;
    crierd.terminate();
    assert!(crierd.ended().await.success());
    let printed = [
        alarm.deployment.run(&["alert", "list"], ""),
        alarm.deployment.run(&["alert", "test", &added[1].id.to_string()], ""),
    ];
    std::fs::write(alarm.deployment.dir().join("printed.log"), format!("{printed:?}")).expect("a file");

    // the positive control: what is planted is found
    alarm.sql.run(&format!("CREATE TABLE planted AS SELECT '{PLANTED}'::text AS secret; CHECKPOINT")).await;
    let mut secrets = vec![Secret::new("planted", PLANTED)];
    for (at, endpoint) in added.iter().enumerate() {
        let encoded = endpoint.secret.trim_start_matches("whsec_").trim_end_matches('=');
        secrets.push(Secret::new(&format!("secret {at}"), encoded));
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            endpoint.secret.trim_start_matches("whsec_"),
        );
        let hex: String = bytes.expect("base64").iter().map(|byte| format!("{byte:02x}")).collect();
        secrets.push(Secret::new(&format!("secret {at} in hex"), &hex));
    }
    let server = alarm.database.server();
    let (data, log) = (server.data_dir(), server.log_path());
    let findings = scan(&[&data, &log, alarm.deployment.dir()], &secrets);
    let (planted, leaked): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| finding.secret == "planted");
    assert_eq!(leaked, []);
    for place in ["pg_wal", "base", "postgres.log"] {
        let found =
            planted.iter().any(|finding| finding.file.components().any(|part| part.as_os_str() == place));
        assert!(found, "expected the planted secret in {place}, found it only in {planted:?}");
    }
    assert!(server.log().contains("add_alert_endpoint"), "expected the log to hold the statements");
}
