//! A delivery is stored once and processed once, whatever happens to it, and nothing is answered with success that is not stored.

use crier_tests::backdoor;
use crier_tests::call_proxy::{CallProxy, Side};
use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::wait::{SOON, wait_for, wait_until};
use futures_util::future::join_all;

use super::{Post, said_of, send, signed};

const EVENTS: &str = "SELECT count(*) FROM crier.events WHERE kind = 'webhook_received'";

#[tokio::test]
async fn fifty_at_once_are_one() {
    let post = Post::new().await;
    post.account(post.workspace, "tiktok", "acc").await;
    let (one, two) = (post.start().await, post.start().await);
    let delivery = signed("tiktok", &said_of("tiktok", "acc", 1));
    // some may be asked to come again; a platform does
    let send_until_taken = async |crierd| {
        wait_for("the delivery to be taken", SOON, async || {
            let answer = send(crierd, "tiktok", &delivery).await;
            if answer.status == 200 { Ok(()) } else { Err(answer) }
        })
        .await;
    };
    join_all((0..50).map(|at| send_until_taken(if at % 2 == 0 { &one } else { &two }))).await;
    assert_eq!(post.stored().await, "1|1|1");
    post.processed(1).await;
    assert_eq!(post.sql.text(EVENTS).await, "1");
    // the control: another delivery is another
    let other = signed("tiktok", &said_of("tiktok", "acc", 2));
    assert_eq!(send(&one, "tiktok", &other).await.status, 200);
    post.processed(2).await;
    assert_eq!(post.sql.text(EVENTS).await, "2");
}

#[tokio::test]
async fn a_crash_between_store_and_answer_makes_no_second_one() {
    let database = Database::private().await;
    let proxy = CallProxy::start(database.server().port());
    let url = database.url_through(SIDECAR_ROLE, proxy.port());
    let post = Post::by(database, &url).await;
    post.account(post.workspace, "slack", "acc").await;
    let crierd = post.start().await;
    proxy.plan("receive_webhook", 1, Side::After);
    let delivery = signed("slack", &said_of("slack", "acc", 1));
    let sent = {
        let url = format!("{}/webhooks/slack", crierd.url());
        let mut call = crier_tests::http::client().post(url).body(delivery.body.clone());
        for (name, value) in &delivery.headers {
            call = call.header(name, value);
        }
        tokio::spawn(call.send())
    };
    wait_until("the calls that are held", 1, async || proxy.held()).await;
    crierd.kill();
    proxy.cut();
    let answer = sent.await.expect("the sender's task");
    assert!(answer.is_err(), "expected no answer: {answer:?}");
    assert_eq!(post.stored().await, "1|1|1", "expected it to be stored");
    let crierd = post.start().await;
    assert_eq!(send(&crierd, "slack", &delivery).await.status, 200);
    post.processed(1).await;
    assert_eq!((post.stored().await.as_str(), post.sql.text(EVENTS).await.as_str()), ("1|1|1", "1"));
}

#[tokio::test]
async fn a_crash_while_processing_does_it_once() {
    for side in [Side::Before, Side::After] {
        let database = Database::private().await;
        let proxy = CallProxy::start(database.server().port());
        let url = database.url_through(SIDECAR_ROLE, proxy.port());
        let post = Post::by(database, &url).await;
        let account = post.account(post.workspace, "tiktok", "acc").await;
        let crierd = post.start().await;
        proxy.plan("report_webhook", 1, side);
        let body = r#"{"event":"authorization.removed","user_openid":"acc"}"#;
        assert_eq!(send(&crierd, "tiktok", &signed("tiktok", body)).await.status, 200);
        wait_until("the calls that are held", 1, async || proxy.held()).await;
        crierd.kill();
        proxy.cut();
        backdoor::lapse_leases(&post.sql).await;
        let _crierd = post.start().await;
        post.processed(1).await;
        let events = format!(
            "SELECT string_agg(kind, ' ' ORDER BY kind) FROM crier.events WHERE account_id = '{account}' AND kind ~ 'webhook|revoked'"
        );
        assert_eq!(post.sql.text(&events).await, "account_revoked webhook_received", "{side:?}");
    }
}

#[tokio::test]
async fn without_a_database_nothing_is_taken_and_nothing_is_lost() {
    let post = Post::on(Database::private().await).await;
    post.account(post.workspace, "x", "acc").await;
    let crierd = post.start().await;
    let delivery = signed("x", &said_of("x", "acc", 1));
    post.database.server().stop("immediate");
    let answer = send(&crierd, "x", &delivery).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    // what is refused needs no database to be refused
    let mut forged = delivery.clone();
    forged.body.push(b' ');
    assert_eq!(send(&crierd, "x", &forged).await.status, 401);
    post.database.server().start();
    wait_for("the delivery to be taken", SOON, async || {
        let answer = send(&crierd, "x", &delivery).await;
        if answer.status == 200 { Ok(()) } else { Err(answer) }
    })
    .await;
    let sql = post.database.connect().await;
    wait_until("the webhooks", "1|1".to_owned(), async || {
        sql.text("SELECT count(*), count(processed_at) FROM crier.webhooks").await
    })
    .await;
    assert_eq!(sql.text(EVENTS).await, "1");
}

#[tokio::test]
async fn what_is_in_doubt_is_durable() {
    // the session's own setting would let the commit be answered before it is on the disk
    let post = Post::on(Database::private_with(&[("synchronous_commit", "off")]).await).await;
    let crierd = post.start().await;
    for number in 0..5 {
        let delivery = signed("tiktok", &said_of("tiktok", "acc", number));
        assert_eq!(send(&crierd, "tiktok", &delivery).await.status, 200);
    }
    post.database.server().crash_and_restart();
    let sql = post.database.connect().await;
    assert_eq!(sql.text("SELECT count(*) FROM crier.webhooks").await, "5");
}
