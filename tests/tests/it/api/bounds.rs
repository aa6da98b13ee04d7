//! Pages, other origins, and what a caller may take: time, bytes, connections.

use crier_tests::cluster::SIDECAR_ROLE;
use crier_tests::session::Session;
use crier_tests::wait::wait_until;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::{Served, answer, start, token};

#[tokio::test]
async fn pages_lead_to_each_other() {
    let served = Served::start().await;
    let user = Uuid::new_v4();
    let workspace = served.workspace(user).await;
    let jobs: Vec<_> =
        (0..5).map(|n| json!({"kind": "k", "params": {"n": n}, "workspace_id": workspace})).collect();
    let made = served.post("/v1/jobs/batch", user, &json!({"jobs": jobs})).await.json();
    let mut expected: Vec<_> = made["data"].as_array().cloned().unwrap_or_default();
    expected.reverse();
    let (mut path, mut found) = (format!("/v1/jobs?workspace_id={workspace}&limit=2"), Vec::new());
    loop {
        let given = served.get(&path, user).await;
        let page = given.json();
        found.extend(page["data"].as_array().into_iter().flatten().map(|job| job["id"].clone()));
        assert_eq!(page["has_more"], !page["next_cursor"].is_null(), "{page}");
        let link = given.header("link");
        match link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) {
            Some(next) => path = next.to_owned(),
            None => break assert_eq!((link, &page["has_more"]), ("", &json!(false))),
        }
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn pages_of_other_origins_read_nothing_unless_they_are_named() {
    let served = Served::start_with(&[("CRIER_API_CORS_ORIGINS", "https://app.example")]).await;
    let ask = |origin: &'static str, method| {
        let request = served.request(method, "/v1/posts", Uuid::new_v4()).header("origin", origin);
        answer(request.header("access-control-request-method", "POST"))
    };
    let asked = ask("https://app.example", Method::OPTIONS).await;
    assert_eq!(
        (asked.status, asked.header("access-control-allow-origin")),
        (200, "https://app.example"),
        "{asked:?}"
    );
    assert!(asked.header("access-control-allow-headers").contains("authorization"), "{asked:?}");
    let got = ask("https://app.example", Method::GET).await;
    assert_eq!(got.header("access-control-allow-origin"), "https://app.example");
    assert!(got.header("access-control-allow-credentials").is_empty(), "{got:?}");
    for method in [Method::OPTIONS, Method::GET] {
        let other = ask("https://evil.example", method).await;
        assert_eq!(other.header("access-control-allow-origin"), "", "{other:?}");
    }
}

#[tokio::test]
async fn who_asks_too_often_waits_and_nobody_else() {
    let served = Served::start().await;
    served.sql.run("UPDATE crier.request_limit SET per_minute = 3 WHERE endpoint = 'general'").await;
    let (user, other) = (Uuid::new_v4(), Uuid::new_v4());
    for left in ["2", "1", "0"] {
        let given = served.get("/v1/workspaces", user).await;
        assert_eq!((given.status, given.header("ratelimit-remaining")), (200, left), "{given:?}");
        assert_eq!(given.header("ratelimit-limit"), "3");
    }
    let given = served.get("/v1/posts", user).await;
    assert_eq!((given.status, given.header("content-type")), (429, "application/problem+json"), "{given:?}");
    let wait: u64 = given.header("retry-after").parse().expect("a number");
    assert!((1..=60).contains(&wait), "{given:?}");
    assert_eq!(given.header("ratelimit-reset"), wait.to_string());
    // another server of the installation counts the same
    let (role, deployment) = (crate::tenancy::app_role(&served.sql).await, &served.deployment);
    let second = start(deployment, &served.database.url(&role), &[]).await;
    let request = served.client.get(format!("{}/v1/posts", second.api_url()));
    assert_eq!(answer(request.bearer_auth(token(user))).await.status, 429);
    assert_eq!(served.get("/v1/posts", other).await.status, 200);
}

#[tokio::test]
async fn what_sums_up_a_lot_has_a_limit_of_its_own() {
    let served = Served::start().await;
    served.sql.run("UPDATE crier.request_limit SET per_minute = 2 WHERE endpoint = 'analysis'").await;
    let user = Uuid::new_v4();
    let workspace = served.workspace(user).await;
    let rates = format!("/v1/workspaces/{workspace}/publish-rates");
    for left in ["1", "0"] {
        let given = served.get(&rates, user).await;
        let told = (given.status, given.header("ratelimit-limit"), given.header("ratelimit-remaining"));
        assert_eq!(told, (200, "2", left), "{given:?}");
    }
    // all of that kind together, and nothing else
    let stats = served.get(&format!("/v1/workspaces/{workspace}/stats"), user).await;
    assert_eq!(stats.status, 429, "{stats:?}");
    let others = served.get("/v1/workspaces", user).await;
    assert_eq!((others.status, others.header("ratelimit-limit")), (200, "200"), "{others:?}");
}

#[tokio::test]
async fn the_page_to_try_it_needs_nobody_else() {
    let served = Served::start().await;
    let page = answer(served.client.get(format!("{}/v1/docs", served.url))).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none';"), "{page:?}");
}

#[tokio::test]
async fn who_sends_slowly_or_without_end_is_cut_off() {
    let served = Served::start_with(&[("CRIER_API_MAX_BODY_BYTES", "1024")]).await;
    let address = served.url.trim_start_matches("http://").to_owned();
    let head = |more: &str| {
        format!(
            "POST /v1/workspaces HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n{more}\r\n",
            token(Uuid::new_v4())
        )
    };
    let ask = async |text: &str| {
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        stream.write_all(text.as_bytes()).await.expect("to send");
        let mut answer = vec![0; 64];
        let read = stream.read(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    // more than it may be is announced: not a byte of it is waited for
    assert!(ask(&head("content-length: 2000000\r\n")).await.starts_with("HTTP/1.1 413"));
    // or comes without being announced
    let chunk = format!("800\r\n{}\r\n", "x".repeat(2048));
    assert!(ask(&(head("transfer-encoding: chunked\r\n") + &chunk)).await.starts_with("HTTP/1.1 413"));
    // a body that never comes
    assert!(ask(&head("content-length: 100\r\n")).await.starts_with("HTTP/1.1 408"));
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_and_leaves_nothing() {
    let served = Served::start_with(&[("CRIER_API_STATEMENT_TIMEOUT", "2s")]).await;
    let user = Uuid::new_v4();
    let workspace = served.workspace(user).await;
    served.sql.run("BEGIN; LOCK TABLE crier.workspace IN ACCESS EXCLUSIVE MODE").await;
    let given = served.get("/v1/workspaces", user).await;
    assert_eq!((given.status, given.header("retry-after")), (504, "5"), "{given:?}");
    served.sql.run("ROLLBACK").await;
    let given = served.get("/v1/workspaces", user).await;
    assert!(given.text.contains(&workspace.to_string()), "{given:?}");
}

/// How many statements of this database wait for a lock that have this in them.
async fn that_wait(sql: &Session, part: &str) -> i64 {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() \
                   AND pid <> pg_backend_pid() AND query LIKE '%' || $1 || '%'";
    sql.value(waiting, &[&part]).await
}

#[tokio::test]
async fn whoever_finds_no_connection_is_told_that_nothing_was_done() {
    let served = Served::start_with(&[("CRIER_API_DATABASE_CONNECTIONS", "1")]).await;
    let user = Uuid::new_v4();
    let workspace = served.workspace(user).await;
    served.sql.run("BEGIN; LOCK TABLE crier.workspace IN ACCESS EXCLUSIVE MODE").await;
    let holds = tokio::spawn(answer(served.request(Method::GET, "/v1/workspaces", user)));
    let other = served.database.connect().await;
    wait_until("calls that wait", 1, async || that_wait(&other, "crier.my_workspaces()").await).await;
    let given = served.post("/v1/jobs", user, &json!({"kind": "k", "workspace_id": workspace})).await;
    assert_eq!((given.status, given.header("retry-after")), (503, "5"), "{given:?}");
    assert!(given.text.contains("nothing was done"), "{given:?}");
    served.sql.run("ROLLBACK").await;
    assert_eq!(holds.await.expect("an answer").status, 200);
    assert_eq!(other.text("SELECT count(*) FROM crier.jobs WHERE kind = 'k'").await, "0");
    let given = served.post("/v1/jobs", user, &json!({"kind": "k", "workspace_id": workspace})).await;
    assert_eq!(given.status, 201, "{given:?}");
}

#[tokio::test]
async fn no_worker_waits_behind_requests() {
    const MANY: usize = 12;
    let served = Served::start().await;
    // they wait where they are counted
    served.sql.run("BEGIN; LOCK TABLE crier.request_limit IN ACCESS EXCLUSIVE MODE").await;
    let asked = (0..MANY).map(|_| answer(served.request(Method::GET, "/v1/workspaces", Uuid::new_v4())));
    let asked: Vec<_> = asked.map(tokio::spawn).collect();
    let other = served.database.connect().await;
    wait_until("requests that wait", true, async || that_wait(&other, "crier.check_rate_limit").await >= 4)
        .await;
    let ready = answer(served.client.get(format!("{}/readyz", served.crierd.url()))).await;
    assert_eq!(ready.status, 200, "{ready:?}");
    served.sql.run("ROLLBACK").await;
    for asked in asked {
        assert_eq!(asked.await.expect("an answer").status, 200);
    }
}

#[tokio::test]
async fn the_end_waits_for_the_answer() {
    let served = Served::start().await;
    let user = Uuid::new_v4();
    served.workspace(user).await;
    served.sql.run("BEGIN; LOCK TABLE crier.workspace IN ACCESS EXCLUSIVE MODE").await;
    let request = served.request(Method::GET, "/v1/workspaces", user);
    let asked = tokio::spawn(answer(request));
    let other = served.database.connect().await;
    wait_until("calls that wait", 1, async || that_wait(&other, "crier.my_workspaces()").await).await;
    served.crierd.terminate();
    served.sql.run("ROLLBACK").await;
    assert_eq!(asked.await.expect("an answer").status, 200);
    assert!(served.crierd.ended().await.success());
}

#[tokio::test]
async fn the_doctor_says_what_the_role_lacks() {
    let served = Served::start().await;
    let secret = served.deployment.dir().join("api.secret").display().to_string();
    let doctor = |url: &str| {
        let mut command = served.deployment.command();
        command.env("CRIER_API_LISTEN", "127.0.0.1:0").env("CRIER_API_JWT_SECRET_FILE", &secret);
        command.env("CRIER_API_DATABASE_URL", url).arg("doctor");
        let printed = crier_tests::crierd::finish(&mut command, "");
        printed.stdout.lines().find(|line| line.contains(" api ")).unwrap_or_default().to_owned()
    };
    let (role, lacking) =
        (crate::tenancy::app_role(&served.sql).await, format!("lacks_{}", served.database.name()));
    served.sql.run(&format!("CREATE ROLE {lacking} LOGIN")).await;
    let good = doctor(&served.database.url(&role));
    assert!(good.starts_with("ok") && good.contains("as crier_app"), "{good}");
    let bad = doctor(&served.database.url(&lacking));
    assert!(bad.starts_with("FAIL") && bad.contains("GRANT crier_app"), "{bad}");
    // the sidecar's own login is no member either, unless somebody has made it one
    let own = doctor(&served.database.url(SIDECAR_ROLE));
    assert!(own.starts_with("FAIL"), "{own}");
    // and what is called with it is nobody's fault but ours
    let crierd = start(&served.deployment, &served.database.url(&lacking), &[]).await;
    let request =
        served.client.get(format!("{}/v1/workspaces", crierd.api_url())).bearer_auth(token(Uuid::new_v4()));
    let given = answer(request).await;
    assert_eq!(given.status, 500, "{given:?}");
    assert!(!given.text.contains("crier_app"), "{given:?}");
}
