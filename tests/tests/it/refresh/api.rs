//! `POST /v1/oauth/refresh-batch`.

use std::os::unix::fs::PermissionsExt;

use crier_tests::wait::{SOON, wait_for};

use super::*;

const PATH: &str = "/v1/oauth/refresh-batch";

/// Writes the file with the keys of the API.
pub(super) fn write_keys(stage: &Stage, keys: &str) {
    let path = stage.deployment.dir().join("api.keys");
    std::fs::write(&path, keys).expect("the keys");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("their mode");
}

/// Asks with the usual key.
pub(super) async fn ask(url: &str, body: &str) -> (u16, Value) {
    let (status, _, body) = call(url, Some(&format!("Bearer {API_KEY}")), body.to_owned()).await;
    (status, body)
}

/// Status, content type, and body.
async fn call(url: &str, authorization: Option<&str>, body: String) -> (u16, String, Value) {
    let mut request = crier_tests::http::client().post(format!("{url}{PATH}")).body(body);
    if let Some(text) = authorization {
        request = request.header("authorization", text);
    }
    let answer = request.send().await.expect("an answer");
    let kind = answer.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (status, kind) = (answer.status().as_u16(), kind.to_owned());
    let text = answer.text().await.expect("a text");
    (status, kind, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn nobody_without_a_key_is_answered() {
    let (sim, stage) = strict(Database::shared().await).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    // an hour: only who asks makes it renew
    let quiet = [("CRIER_REFRESH_EVERY", "1h")];
    let crierd = start_with(&stage, &quiet).await;
    reaches(&stage, "2").await;
    for authorization in [None, Some("Bearer "), Some("Bearer undefined")] {
        let (status, kind, body) = call(crierd.url(), authorization, String::new()).await;
        assert_eq!((status, kind.as_str()), (403, "application/problem+json"), "{body}");
        assert!(body["detail"].as_str().is_some_and(|text| text.contains("http.api_key_file")), "{body}");
    }
    drop(crierd);

    write_keys(&stage, &format!("# two\nanother-key-0123456789-0123456789\n{API_KEY}\n"));
    let with_keys = [("CRIER_REFRESH_EVERY", "1h"), ("CRIER_API_KEY_FILE", "api.keys")];
    let crierd = start_with(&stage, &with_keys).await;
    let wrong = [None, Some("Bearer x"), Some(API_KEY), Some("Basic Y2FuYXJ5"), Some("Bearer # two")];
    for authorization in wrong {
        let (status, kind, body) = call(crierd.url(), authorization, "{}".into()).await;
        assert_eq!((status, kind.as_str()), (401, "application/problem+json"), "{authorization:?}: {body}");
    }
    let good = format!("Bearer {API_KEY}");
    for (body, status) in [
        ("[".to_owned(), 400),
        (r#"{"limit": 0}"#.into(), 400),
        (r#"{"limit": 101}"#.into(), 400),
        (r#"{"platform": "friendster"}"#.into(), 400),
        (r#"{"more": 1}"#.into(), 400),
        (" ".repeat(5_000), 413),
    ] {
        let (found, kind, told) = call(crierd.url(), Some(&good), body.clone()).await;
        assert_eq!((found, kind.as_str()), (status, "application/problem+json"), "{told}");
        assert!(
            told["detail"].is_string() && told["title"].is_string() && told["status"] == status,
            "{told}"
        );
    }
    let get = crier_tests::http::get(format!("{}{PATH}", crierd.url())).await.expect("an answer");
    assert_eq!(get.status().as_u16(), 405);
    assert_eq!(sim.calls(REFRESH), 1, "expected none of these to renew anything");
    assert!(!stage.deployment.logs().contains(API_KEY), "expected no key in the log");
}

#[tokio::test]
async fn who_asks_learns_what_came_of_it() {
    let (sim, stage) = strict(Database::shared().await).await;
    write_keys(&stage, API_KEY);
    let variables = [("CRIER_REFRESH_EVERY", "1h"), ("CRIER_API_KEY_FILE", "api.keys")];
    let crierd = start_with(&stage, &variables).await;
    let (status, summary) = ask(crierd.url(), "").await;
    assert_eq!((status, &summary["given"]), (200, &json!(0)), "{summary}");
    let (_, summary) = ask(crierd.url(), r#"{"platform": "mastodon"}"#).await;
    assert_eq!(summary["given"], 0, "{summary}");
    // its own loop looks once when it starts, and may be the first to have it, or be about to
    let summary = wait_for("a token to be given to who asks", SOON, async || {
        backdoor::make_refreshes_due(&stage.sql).await;
        let (_, summary) = ask(crierd.url(), r#"{"limit": 1, "platform": "x"}"#).await;
        if summary["refreshed"] == 1 { Ok(summary) } else { Err(summary) }
    })
    .await;
    let counts = |summary: &Value| {
        ["given", "refreshed", "failed", "skipped", "need_login"]
            .map(|name| summary[name].as_u64().unwrap_or(99))
    };
    assert_eq!(counts(&summary), [1, 1, 0, 0, 0], "{summary}");
    let bought = generation(&stage).await;
    assert!(summary["seconds"].as_f64().is_some_and(|seconds| seconds < 30.0), "{summary}");
    sim.platform("x").revoke(HANDLE);
    backdoor::make_refreshes_due(&stage.sql).await;
    let (_, summary) = ask(crierd.url(), "{}").await;
    assert_eq!(counts(&summary), [1, 0, 1, 0, 1], "{summary}");
    assert_eq!(generation(&stage).await, bought);
}
