//! Every scheme, through the real program: what is its platform's is taken in, and nothing that differs from it.

use crier_tests::sender::{self, PLATFORMS};
use serde_json::Value;

use super::{
    Answered, OLD_SECRET, OTHER_SECRET, Post, SECRET, VERIFY_TOKEN, get, now, said_of, send, signed,
    write_secrets,
};

fn success_of(platform: &str) -> u16 {
    if ["discord", "youtube"].contains(&platform) { 204 } else { 200 }
}

#[tokio::test]
async fn what_is_signed_is_taken_in_and_nothing_else() {
    let post = Post::new().await;
    for platform in PLATFORMS {
        let account = if platform == "ghost" { "https://site.example" } else { "acc-1" };
        post.account(post.workspace, platform, account).await;
    }
    let crierd = post.start().await;
    let mut proofs = Vec::new();
    for platform in PLATFORMS {
        let body = said_of(platform, "acc-1", 1);
        let good = signed(platform, &body);
        proofs.extend(
            good.headers[1..].iter().map(|(_, value)| value.clone()).filter(|value| value.len() > 20),
        );
        // one bit of the body, of each header, another secret, another time
        let mut refused = Vec::new();
        let mut changed = good.clone();
        let at = changed.body.len() - 3;
        changed.body[at] ^= 1;
        if platform != "telegram" {
            refused.push(("body", changed));
        }
        for at in 1..good.headers.len() {
            let mut changed = good.clone();
            let value = &mut changed.headers[at].1;
            let last = value.pop().expect("a value");
            value.push(if last == '0' { '1' } else { '0' });
            refused.push(("a header", changed));
            let mut without = good.clone();
            without.headers.remove(at);
            refused.push(("no header", without));
        }
        refused.push(("another secret", sender::delivery(platform, OTHER_SECRET, &body, now())));
        if ["tiktok", "slack", "discord", "ghost"].contains(&platform) {
            refused.push(("too old", sender::delivery(platform, SECRET, &body, now() - 310)));
            refused.push(("too new", sender::delivery(platform, SECRET, &body, now() + 310)));
        }
        for (what, delivery) in &refused {
            let answer = send(&crierd, platform, delivery).await;
            assert_eq!(answer.status, 401, "{platform}, {what}: {answer:?}");
        }
        let answer = send(&crierd, platform, &good).await;
        assert_eq!(answer.status, success_of(platform), "{platform}: {answer:?}");
    }
    let count = PLATFORMS.len();
    assert_eq!(post.stored().await, format!("{count}|{count}|{count}"));
    post.processed(i64::try_from(count).expect("a few")).await;
    let of_us = "SELECT count(*), count(account_id), count(DISTINCT platform), min(cardinality(kinds)) FROM crier.webhooks \
                 WHERE workspace_id IS NOT NULL";
    assert_eq!(post.sql.text(of_us).await, format!("{count}|{count}|{count}|1"));
    let events = "SELECT count(*) FROM crier.events WHERE kind = 'webhook_received' AND payload ? 'data'";
    assert_eq!(post.sql.text(events).await, count.to_string());
    // nothing that proves anything is kept, and the log has heard of refusals without what was in them
    let kept =
        post.sql.text("SELECT string_agg(headers::text || payload::text, ' ') FROM crier.webhooks").await;
    let log = crierd.log();
    for secret in [SECRET, OLD_SECRET, VERIFY_TOKEN] {
        assert!(!kept.contains(secret) && !log.contains(secret), "{kept}");
    }
    assert!(proofs.len() == PLATFORMS.len() && !log.contains("for_user_id"), "{proofs:?}");
    assert!(!proofs.iter().any(|proof| kept.contains(proof)), "{kept}");
    let told = log.lines().filter(|line| line.contains("webhook refused")).count();
    assert!((PLATFORMS.len()..=2 * PLATFORMS.len()).contains(&told), "{told} lines about refusals");
}

#[tokio::test]
async fn secrets_are_rotated_without_a_gap() {
    let post = Post::new().await;
    let crierd = post.start().await;
    let mut number = 0;
    let mut answers = async |crierd: &_, secret: &str| {
        let mut statuses = Vec::new();
        for platform in PLATFORMS {
            number += 1;
            let body = said_of(platform, "acc", number);
            let answer = send(crierd, platform, &sender::delivery(platform, secret, &body, now())).await;
            statuses.push(answer.status < 300);
        }
        statuses.dedup();
        statuses
    };
    // before: the platforms have the old one; both are in the file
    assert_eq!(answers(&crierd, OLD_SECRET).await, [true]);
    assert_eq!(answers(&crierd, SECRET).await, [true]);
    // after: the old one is taken out
    for platform in PLATFORMS {
        write_secrets(&post.deployment, platform, &[sender::line_of(platform, SECRET)]);
    }
    drop(crierd);
    let crierd = post.start().await;
    assert_eq!(answers(&crierd, SECRET).await, [true]);
    assert_eq!(answers(&crierd, OLD_SECRET).await, [false]);
}

#[tokio::test]
async fn handshakes_are_answered() {
    let post = Post::new().await;
    let crierd = post.start().await;
    let hub = format!("hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge=1158201444");
    for platform in ["facebook", "instagram", "threads", "youtube"] {
        let answer = get(&crierd, &format!("{platform}?{hub}")).await;
        assert_eq!(answer, Answered { status: 200, body: "1158201444".into() }, "{platform}");
        let wrong = get(&crierd, &format!("{platform}?{}", hub.replace("of-ours", "of-others"))).await;
        assert_eq!(wrong.status, 403, "{platform}: {wrong:?}");
        assert!(!wrong.body.contains("1158201444"), "{platform}: {wrong:?}");
        let none = get(&crierd, platform).await;
        assert_eq!(none.status, 400, "{platform}: {none:?}");
    }
    let json = |answer: &Answered| serde_json::from_str::<Value>(&answer.body).expect("JSON");
    let challenge = "890e4665-4dfe-4ab1-b689-ed553bceeed0";
    let (hex, base64) = sender::answer_to(challenge, SECRET);
    let x = get(&crierd, &format!("x?crc_token={challenge}")).await;
    assert_eq!(json(&x)["response_token"], format!("sha256={base64}"));
    // who asks for a signature over a delivery gets none
    assert_eq!(get(&crierd, "x?crc_token=%7B%22for_user_id%22%3A%221%22%7D").await.status, 400);
    let linkedin = get(&crierd, &format!("linkedin?challengeCode={challenge}")).await;
    assert_eq!(
        (&json(&linkedin)["challengeCode"], &json(&linkedin)["challengeResponse"]),
        (&challenge.into(), &hex.into())
    );
    assert_eq!(get(&crierd, "linkedin?challengeCode=hmacsha256%3D%7B%7D").await.status, 400);
    let slack = signed("slack", r#"{"type":"url_verification","challenge":"3eZbrw1aB"}"#);
    assert_eq!(send(&crierd, "slack", &slack).await, Answered { status: 200, body: "3eZbrw1aB".into() });
    let discord = signed("discord", r#"{"type":1,"id":"1","token":"t"}"#);
    assert_eq!(
        send(&crierd, "discord", &discord).await,
        Answered { status: 200, body: r#"{"type":1}"#.into() }
    );
    assert_eq!(send(&crierd, "discord", &signed("discord", r#"{"type":0}"#)).await.status, 204);
    // these are signed too
    let unsigned =
        sender::delivery("slack", OTHER_SECRET, r#"{"type":"url_verification","challenge":"x"}"#, now());
    assert_eq!(send(&crierd, "slack", &unsigned).await.status, 401);
    assert_eq!(post.stored().await, "0|0|0");
}

#[tokio::test]
async fn only_what_is_configured_is_there() {
    let post = Post::new().await;
    let crierd = post.deployment.start_with(&[("CRIER_WEBHOOK_TIKTOK_SECRETS_FILE", "tiktok.secrets")]).await;
    let body = said_of("tiktok", "a", 1);
    for path in ["slack", "myspace", "tiktok/other", "TIKTOK", "..", "tiktok/../slack", "%2e%2e"] {
        let answer = send(&crierd, path, &signed("tiktok", &body)).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert_eq!(get(&crierd, path).await.status, 404, "{path}");
    }
    // no handshake, so no GET
    let answer =
        crier_tests::http::get(format!("{}/webhooks/tiktok", crierd.url())).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().ok()), (405, Some("POST")));
    let mut text = signed("tiktok", &body);
    text.headers[0].1 = "text/plain".into();
    let answer = send(&crierd, "tiktok", &text).await;
    assert!(answer.status == 415 && answer.body.contains("application/json"), "{answer:?}");
    assert_eq!(send(&crierd, "tiktok", &signed("tiktok", &body)).await.status, 200);
    assert_eq!(post.stored().await, "1|1|1");
}

#[tokio::test]
async fn several_apps_have_an_endpoint_each() {
    let post = Post::new().await;
    let account = post.account(post.workspace, "ghost", "https://acme.example").await;
    let config = post.deployment.dir().join("crierd.toml");
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let more = "\n[webhooks.ghost.acme]\nsecrets_file = 'acme.secrets'\naccount = 'https://acme.example'\n\
                [webhooks.tiktok.second-app]\nsecrets_file = 'acme.secrets'\n";
    std::fs::write(&config, text + more).expect("the configuration");
    write_secrets(&post.deployment, "acme", &[OTHER_SECRET.to_owned()]);
    let crierd = post.start().await;
    // the same bytes to two apps are two deliveries
    let body = said_of("tiktok", "a", 1);
    let second = sender::delivery("tiktok", OTHER_SECRET, &body, now());
    assert_eq!(send(&crierd, "tiktok", &signed("tiktok", &body)).await.status, 200);
    assert_eq!(send(&crierd, "tiktok/second-app", &second).await.status, 200);
    // the secret of one is none of another
    assert_eq!(send(&crierd, "tiktok", &second).await.status, 401);
    assert_eq!(send(&crierd, "tiktok/second-app", &signed("tiktok", &body)).await.status, 401);
    let ghost = sender::delivery("ghost", OTHER_SECRET, &said_of("ghost", "", 1), now());
    assert_eq!(send(&crierd, "ghost/acme", &ghost).await.status, 200);
    post.processed(3).await;
    let rows = "SELECT source, account_id FROM crier.webhooks ORDER BY source";
    assert_eq!(post.sql.text(rows).await, format!("ghost/acme|{account}\ntiktok|∅\ntiktok/second-app|∅"));
}
