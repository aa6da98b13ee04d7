//! What is counted, as Prometheus reads it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use crier_tests::cluster::{Database, SIDECAR_ROLE, reserve_port};
use crier_tests::crierd::Deployment;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::Fault;
use crier_tests::stage::{Stage, create_workspace};
use crier_tests::wait::wait_until;
use serde_json::Value;

const PUT: &str = "com.atproto.repo.putRecord";

async fn scrape(port: u16) -> String {
    let answer = crier_tests::http::get(format!("http://127.0.0.1:{port}/metrics")).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .is_ok_and(|kind| kind.starts_with("application/openmetrics-text"))
    );
    answer.text().await.expect("a text")
}

/// The value of a line that begins so.
fn value(text: &str, line: &str) -> Option<f64> {
    text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok())
}

fn promtool(arguments: &[&str], input: Stdio) -> (bool, String) {
    let monitoring = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitoring");
    let output = Command::new("promtool").args(arguments).current_dir(monitoring).stdin(input).output();
    let output = output.expect("promtool: scripts/prerequisites test installs it");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn what_happens_is_counted() {
    let (sim, port) = (Sim::start(), reserve_port());
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    let listen = format!("127.0.0.1:{port}");
    let role = crate::tenancy::app_role(&stage.sql).await;
    let api_url = stage.database.url(&role);
    let crierd = crate::api::start(&stage.deployment, &api_url, &[("CRIER_METRICS_LISTEN", &listen)]).await;
    let stranger = crier_tests::http::get(format!("{}/v1/posts", crierd.api_url())).await;
    assert_eq!(stranger.expect("an answer").status(), 401);
    sim.fault(PUT, Fault::ServerError);
    let post = stage.post("counted").await;
    stage.published(post).await;

    let ended = async || {
        value(&scrape(port).await, r#"crierd_jobs_ended_total{kind="publish_post",outcome="published"}"#)
    };
    wait_until("the number of posts published", Some(1.0), ended).await;
    let text = scrape(port).await;
    for (line, least) in [
        (r#"crierd_jobs_claimed_total{kind="publish_post"}"#, 1.0),
        (r#"crierd_platform_call_duration_seconds_count{platform="bluesky",answer="5xx"}"#, 1.0),
        (r#"crierd_platform_call_duration_seconds_count{platform="bluesky",answer="2xx"}"#, 1.0),
        (r#"crierd_http_request_duration_seconds_count{route="/v1/posts",method="GET",status="4xx"}"#, 1.0),
        ("crier_database_up", 1.0),
        (r#"crier_accounts{platform="bluesky",status="active"}"#, 1.0),
        (r#"crier_queue_memory_jobs{what="capacity"}"#, 1.0),
        (r#"crier_alert_threshold{alert="pending_jobs"}"#, 1000.0),
    ] {
        let found = value(&text, line);
        assert!(
            found.is_some_and(|found| found >= least),
            "expected {line} {least} or more, found {found:?}:\n{text}"
        );
    }
    assert_eq!(value(&text, "crierd_jobs_running"), Some(0.0), "{text}");
    for secret in sim.issued_tokens() {
        assert!(!text.contains(&secret), "a token is in the metrics");
    }

    // everything that the dashboard and the rules ask for is there, but for what has not happened
    let known: BTreeSet<&str> = text.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    for file in
        [include_str!("../../../monitoring/grafana.json"), include_str!("../../../monitoring/alerts.yml")]
    {
        let words = file.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for word in words.filter(|word| word.starts_with("crier_") || word.starts_with("crierd_")) {
            let happens_rarely = ["crier_breakers", "crier_kind_jobs"].contains(&word);
            assert!(known.contains(word) || happens_rarely, "nothing is called {word}");
        }
    }
}

#[tokio::test]
async fn figures_go_without_the_database_and_come_back() {
    let (database, port) = (Database::private().await, reserve_port());
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let listen = format!("127.0.0.1:{port}");
    let _crierd = deployment.start_with(&[("CRIER_METRICS_LISTEN", &listen)]).await;
    let up = async || value(&scrape(port).await, "crier_database_up");
    wait_until("whether the database is up", Some(1.0), up).await;
    database.server().stop("immediate");
    wait_until("whether the database is up", Some(0.0), up).await;
    let text = scrape(port).await;
    assert!(value(&text, "crierd_jobs_running").is_some() && !text.contains("crier_queue_jobs"), "{text}");
    database.server().start();
    wait_until("whether the database is up", Some(1.0), up).await;
}

#[tokio::test]
async fn posts_that_wait_for_a_person_are_counted() {
    let sql = Database::shared().await.connect().await;
    let workspace = create_workspace(&sql).await;
    let account = crier_tests::stage::dummy_account(&sql, workspace, "alice.test").await;
    let waiting = "SELECT value FROM crier.metrics() WHERE name = 'crier_unconfirmed_posts'";
    assert_eq!(sql.text(waiting).await, "0");
    sql.run(&format!("SELECT crier.create_post('{workspace}', 'hi', ARRAY['{account}'::uuid])")).await;
    sql.run("UPDATE crier.post_target SET state = 'unconfirmed'").await;
    assert_eq!(sql.text(waiting).await, "1");
    // names and labels tell every figure
    let twice =
        "SELECT count(*) FROM (SELECT FROM crier.metrics() GROUP BY name, labels HAVING count(*) > 1) t";
    assert_eq!(sql.text(twice).await, "0");
}

#[test]
fn the_rules_fire_where_their_cause_is_there() {
    for arguments in [&["check", "rules", "alerts.yml"][..], &["test", "rules", "alerts.test.yml"]] {
        let (success, said) = promtool(arguments, Stdio::null());
        assert!(success, "promtool {}: {said}", arguments.join(" "));
    }
}

#[test]
fn the_dashboard_is_one() {
    let dashboard: Value =
        serde_json::from_str(include_str!("../../../monitoring/grafana.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    assert!(panels.len() >= 10, "only {} panels", panels.len());
    for panel in panels {
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{panel}");
    }
}
