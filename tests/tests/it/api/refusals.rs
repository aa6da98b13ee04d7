//! How calls are refused: what is wrong is said once, in one shape.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Served, answer, now, signed};

/// The problem of a refusal, checked for its shape.
fn problem(given: &Answer, status: u16) -> Value {
    assert_eq!(
        (given.status, given.header("content-type")),
        (status, "application/problem+json"),
        "{given:?}"
    );
    let body = given.json();
    assert_eq!(body["status"], status, "{given:?}");
    for part in ["type", "title", "detail"] {
        assert!(body[part].as_str().is_some_and(|text| !text.is_empty()), "{part} of {given:?}");
    }
    body
}

#[tokio::test]
async fn who_is_nobody_gets_nothing() {
    let served = Served::start().await;
    let user = Uuid::new_v4();
    let path = format!("{}/v1/posts", served.url);
    let good = json!({"sub": user, "exp": now() + 60});
    let other = signed(&good).replace('.', ".x");
    for shown in [
        None,
        Some("Bearer"),
        Some("Basic YTpi"),
        Some(&*format!("Bearer {other}")),
        Some(&*format!("Bearer {}", signed(&json!({"sub": user, "exp": now() - 3600})))),
        Some(&*format!("Bearer {}", signed(&json!({"sub": "alice", "exp": now() + 60})))),
        Some(&*format!("Bearer {}", signed(&json!({"role": "service_role", "exp": now() + 60})))),
    ] {
        let request = served.client.get(&path);
        let request = shown.map_or(served.client.get(&path), |shown| request.header("authorization", shown));
        let given = answer(request).await;
        problem(&given, 401);
        assert_eq!(given.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
    // the control
    let given =
        answer(served.client.get(&path).header("authorization", format!("bearer {}", signed(&good)))).await;
    assert_eq!(given.status, 200, "{given:?}");
    // a role that a token claims is not taken
    let claims = json!({"sub": user, "exp": now() + 60, "role": "service_role"});
    let given = answer(served.client.get(&path).bearer_auth(signed(&claims))).await;
    assert_eq!((given.status, &given.json()["data"]), (200, &json!([])), "{given:?}");
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_code() {
    let served = Served::start().await;
    let user = Uuid::new_v4();
    let workspace = served.workspace(user).await;
    let missing = served.get(&format!("/v1/posts/{}", Uuid::new_v4()), user).await;
    let told = problem(&missing, 404);
    assert_eq!(
        (&told["code"], &told["type"]),
        (&json!("P0002"), &json!("urn:crier:problem:not_found")),
        "{told}"
    );
    assert!(told["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{told}");

    let body = json!({"workspace_id": workspace, "content": "x", "accounts": []});
    let told = problem(&served.post("/v1/posts", user, &body).await, 422);
    assert_eq!(told["code"], "22023", "{told}");
    let viewer = Uuid::new_v4();
    served.sql.rows("SELECT crier.add_member($1, $2, 'viewer')", &[&workspace, &viewer]).await;
    let told = problem(&served.post("/v1/posts", viewer, &body).await, 403);
    assert_eq!(told["code"], "42501", "{told}");

    for (path, status) in [
        ("/v1/posts/x", 422),
        ("/v1/posts?limit=x", 422),
        ("/v1/posts?cursor=x", 422),
        ("/v1/posts?limit=100000", 422),
        ("/v1/posts?since=yesterday", 422),
        ("/v1/posts?unknown=1", 422),
        ("/v1/posts?status=%00", 422),
        ("/v1/posts/%ff", 400),
        ("/v1/nothing", 404),
        ("/", 404),
    ] {
        problem(&served.get(path, user).await, status);
    }
    let given = answer(served.request(Method::PUT, "/v1/posts", user)).await;
    problem(&given, 405);
    assert!(given.header("allow").contains("GET"), "{given:?}");
}

#[tokio::test]
async fn bodies_are_json_and_have_a_size() {
    let served = Served::start_with(&[("CRIER_API_MAX_BODY_BYTES", "2048")]).await;
    let user = Uuid::new_v4();
    let post = |kind: &str, body: String| {
        served.request(Method::POST, "/v1/workspaces", user).header("content-type", kind).body(body)
    };
    let fine = answer(post("application/json; charset=utf-8", json!({"name": "x"}).to_string())).await;
    assert_eq!(fine.status, 201, "{fine:?}");
    let id = fine.json()["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(fine.header("location"), format!("/v1/workspaces/{id}"));
    problem(&answer(post("text/plain", "{\"name\": \"x\"}".into())).await, 415);
    problem(&answer(post("application/x-www-form-urlencoded", "name=x".into())).await, 415);
    for malformed in ["{", "[]", "null", "{\"name\": \"x\"} {}"] {
        problem(&answer(post("application/json", malformed.into())).await, 400);
    }
    let told = problem(&answer(post("application/json", "{\"name\": 1}".into())).await, 422);
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("name")), "{told}");
    problem(&answer(post("application/json", "{\"name\": \"a\\u0000b\"}".into())).await, 422);
    problem(&answer(post("application/json", json!({"name": "x".repeat(3_000)}).to_string())).await, 413);
}

#[tokio::test]
async fn what_is_our_fault_is_told_by_its_name_alone() {
    let served = Served::start().await;
    let user = Uuid::new_v4();
    served.sql.run("ALTER FUNCTION crier.my_workspaces() RENAME TO canary_of_ours").await;
    let request = served.request(Method::GET, "/v1/workspaces", user).header("x-request-id", "of-the-caller");
    let given = answer(request).await;
    let told = problem(&given, 500);
    assert_eq!(given.header("x-request-id"), "of-the-caller");
    assert_eq!(told["request_id"], "of-the-caller");
    assert!(!given.text.contains("my_workspaces") && told["code"].is_null(), "{given:?}");
    let logged = served.deployment.logs();
    let line = logged.lines().find(|line| line.contains("of-the-caller")).expect("a line in the log");
    assert!(line.contains("my_workspaces") && line.contains("42883"), "{line}");
    // a name that is none is not taken
    let request = served.request(Method::GET, "/v1/workspaces", user).header("x-request-id", "a b\tc");
    let given = answer(request).await;
    assert!(Uuid::parse_str(given.header("x-request-id")).is_ok(), "{given:?}");
}
