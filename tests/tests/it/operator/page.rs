//! `/operator`: what operators see in a browser, and what they do there.

use crier_tests::crierd::Crierd;
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response};

use super::{KEY, staged, tell, trouble};

struct Operator {
    client: reqwest::Client,
    url: String,
}

impl Operator {
    fn of(crierd: &Crierd) -> Self {
        let client = crier_tests::http::builder().redirect(Policy::none()).build().expect("a client");
        Self { client, url: crierd.url().to_owned() }
    }

    async fn see(&self) -> String {
        let answer =
            send(self.client.get(format!("{}/operator", self.url)).basic_auth("any", Some(KEY))).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        answer.text().await.expect("a page")
    }

    fn form(&self, act: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let encoded = reqwest::Url::parse_with_params("http://localhost", fields).expect("fields");
        let request =
            self.client.post(format!("{}/operator/do/{act}", self.url)).basic_auth("any", Some(KEY));
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encoded.query().unwrap_or_default().to_owned())
    }

    /// What became of an act: its status, and the word it leads to.
    async fn does(&self, act: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let answer = send(self.form(act, fields)).await;
        let leads = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
        (answer.status().as_u16(), leads.to_owned())
    }
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

/// The token of the forms of a page.
fn token(page: &str) -> &str {
    let rest = page.split_once("name=\"csrf\" value=\"").map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split('"').next()).unwrap_or_else(|| panic!("no form in {page}"))
}

#[tokio::test]
async fn an_operator_sees_what_is_held_up_and_lets_it_go_on() {
    let (_sim, stage, crierd) = staged(&[]).await;
    let dead = trouble(&stage).await;
    let account = stage.account.to_string();
    let operator = Operator::of(&crierd);
    let page = operator.see().await;
    let handle = stage.sql.text(&format!("SELECT handle FROM crier.accounts WHERE id = '{account}'")).await;
    for part in [
        "Pauses, breakers and blocks",
        "set by the operator: too &lt;i&gt;many",
        "a.example",
        &handle,
        "no &lt;b&gt;disk&lt;/b&gt;",
        "w&lt;1&gt;",
        // a kind that waits, and how its jobs ended
        "<th scope=\"row\">resize image</th><td></td><td>1</td><td>1</td><td>0</td><td>0</td>",
        "<td>0</td><td>1</td><td>100\u{a0}%</td>",
        &dead,
    ] {
        assert!(page.contains(part), "{part:?} in {page}");
    }
    assert!(!page.contains(KEY), "{page}");
    let csrf = token(&page);
    let blocks = async || stage.sql.text("SELECT count(*) FROM crier.list_blocks()").await;
    assert_eq!(blocks().await, "2");
    for (act, fields, word) in [
        ("unblock-account", vec![("account", account.as_str()), ("action", "like")], "unblocked"),
        ("unblock-server", vec![("platform", "mastodon"), ("host", "a.example")], "server_unblocked"),
        ("retry-job", vec![("job", dead.as_str())], "job_retried"),
        ("retry-job", vec![("job", dead.as_str())], "nothing_done"),
        ("pause", vec![], "queue_paused"),
        ("resume", vec![], "queue_resumed"),
        ("resume", vec![], "nothing_done"),
        ("pause", vec![], "queue_paused"),
    ] {
        let mut fields = fields;
        fields.push(("csrf", csrf));
        assert_eq!(operator.does(act, &fields).await, (303, format!("/operator?done={word}")), "{act}");
    }
    // what is left is the pause
    assert_eq!(blocks().await, "1");
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.dead_jobs()").await, "0");
    let page = operator.see().await;
    let paused = "Nothing is handed out: paused by an operator";
    assert!(page.contains(paused) && page.contains("/operator/do/resume"), "{page}");
    assert!(page.contains("Nothing is held up."), "{page}");
    // as on every page: what the database refuses is said in words
    let unknown = uuid::Uuid::new_v4().to_string();
    let refused = send(operator.form("unblock-account", &[("account", &unknown), ("csrf", csrf)])).await;
    assert_eq!(refused.status(), 404);
    let text = refused.text().await.expect("a page");
    assert!(text.contains(&unknown) && text.contains("href=\"/operator\""), "{text}");
    let logs = stage.deployment.logs();
    assert!(
        logs.contains("an operator has done something") && logs.contains("any") && !logs.contains(KEY),
        "{logs}"
    );
}

#[tokio::test]
async fn pauses_and_breakers_come_first_and_accounts_that_rest_are_not_held_up() {
    let (_sim, stage, crierd) = staged(&[]).await;
    let (account, workspace) = (stage.account.to_string(), stage.workspace);
    tell(&crierd, "/stop", "").await;
    for step in [
        "UPDATE crier.platform_policy SET breaker_failures = 1, breaker_pause = '1 hour', breaker_max_pause = '1 hour'".to_owned(),
        "SELECT crier.block_server('mastodon', 'a.example', now() + interval '2 days', 'down')".into(),
        // a breaker counts what an account does on a platform
        format!("SELECT crier.enqueue('like', '{{}}', account_id => '{account}', workspace_id => '{workspace}', max_attempts => 1)"),
        "SELECT crier.fail_jobs(ARRAY[job_id], ARRAY[token], ARRAY['transient'], ARRAY['{}'::jsonb]) \
         FROM crier.claim_jobs('w', 1, kinds => '{like}')"
            .into(),
        "SELECT crier.pause_jobs(kind => 'resize_image', reason => 'no disk')".into(),
    ] {
        stage.sql.run(&step).await;
    }
    let rest = stage.sql.text(&format!("SELECT crier.pause_account('{account}', 'a holiday')")).await;
    assert_eq!(rest, "t");
    let list = "SELECT string_agg(DISTINCT kind, ' ') FROM crier.list_blocks()";
    assert_eq!(stage.sql.text(list).await, "block breaker pause");
    let order = "SELECT array_position(array_agg(kind), 'block') = count(*) FROM crier.list_blocks()";
    assert_eq!(stage.sql.text(order).await, "t", "expected the block last");
    assert_eq!(stage.sql.text("SELECT kind FROM crier.list_blocks(1)").await, "pause");
    let operator = Operator::of(&crierd);
    let page = operator.see().await;
    assert!(
        page.contains("Circuit breaker until") && page.contains("no disk") && !page.contains("a holiday"),
        "{page}"
    );
    let csrf = token(&page);
    let breakers =
        "SELECT coalesce(account_id::text, ''), platform, coalesce(host, '') FROM crier.breakers()";
    for row in stage.sql.rows(breakers, &[]).await {
        let (account, platform, host): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let (act, word) = if account.is_empty() {
            ("unblock-server", "server_unblocked")
        } else {
            ("unblock-account", "unblocked")
        };
        let fields = [("account", &*account), ("platform", &platform), ("host", &host), ("csrf", csrf)];
        assert_eq!(
            operator.does(act, &fields).await,
            (303, format!("/operator?done={word}")),
            "{account} {host}"
        );
    }
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.breakers()").await, "0");
    for word in ["queue_resumed", "nothing_done"] {
        let did =
            operator.does("resume", &[("kind", "resize_image"), ("platform", ""), ("csrf", csrf)]).await;
        assert_eq!(did, (303, format!("/operator?done={word}")));
    }
    assert_eq!(stage.sql.text(list).await, "block");
}

#[tokio::test]
async fn nobody_else_sees_or_does_anything() {
    let (_sim, stage, crierd) = staged(&[]).await;
    trouble(&stage).await;
    let operator = Operator::of(&crierd);
    let page = format!("{}/operator", operator.url);
    let plain = operator.client.get(&page);
    let wrong = operator.client.get(&page).basic_auth("any", Some("canary-key-of-an-operator"));
    let name = operator.client.get(&page).basic_auth(KEY, Some(""));
    let bearer = operator.client.get(&page).bearer_auth(KEY);
    for request in [plain, wrong, name, bearer] {
        let answer = send(request).await;
        assert_eq!(answer.status(), 401);
        assert!(answer.headers()["www-authenticate"].to_str().expect("a text").starts_with("Basic "));
    }
    let csrf = token(&operator.see().await).to_owned();
    for (token, site) in [
        ("", "same-origin"),
        ("x", "same-origin"),
        (&csrf, "cross-site"),
        (&csrf, "same-site"),
        (&csrf, "none"),
    ] {
        let request = operator.form("pause", &[("csrf", token)]).header("sec-fetch-site", site);
        assert_eq!(send(request).await.status(), 403, "{token:?} from {site}");
    }
    for (act, status) in [("drop", 404), ("retry-job", 400), ("unblock-server", 400)] {
        assert_eq!(operator.does(act, &[("csrf", &csrf), ("job", "7")]).await.0, status, "{act}");
    }
    let huge = "x".repeat(2 << 20);
    assert_eq!(operator.does("pause", &[("csrf", &csrf), ("more", &huge)]).await.0, 413);
    assert_eq!(stage.sql.text("SELECT paused FROM crier.status()").await, "f");
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.list_blocks()").await, "2");
}
