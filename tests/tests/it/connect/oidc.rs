//! Logins, refreshes and their end against a real authorization server: it wants PKCE, rotates refresh tokens, and ends a
//! grant whose refresh token comes a second time.

use std::net::TcpListener;

use crier_tests::backdoor;
use crier_tests::browser::{Browser, Page};
use crier_tests::cluster::Database;
use crier_tests::connecting::{APP, APPLICATION, Connecting};
use crier_tests::oidc::Oidc;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

/// How long its access tokens live.
const SECONDS: u32 = 3;
const LOGIN: &str = "1000000001";

struct Real {
    test: Connecting,
    port: u16,
}

impl Real {
    async fn new() -> (Self, Oidc) {
        let mut test = Connecting::on(Database::shared().await).await;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let server = format!("http://127.0.0.1:{port}");
        test.set("CRIER_X_SERVER", &server);
        test.set("CRIER_X_AUTHORIZE_URL", &format!("{server}/i/oauth2/authorize"));
        let real = Self { test, port };
        let oidc = real.server();
        (real, oidc)
    }

    fn server(&self) -> Oidc {
        Oidc::start(self.port, &format!("{}/oauth/x/callback", self.test.public_url), APP, SECONDS)
    }

    async fn log_in(&self, oidc: &Oidc, account: Option<Uuid>, yes: bool) -> Page {
        let browser = Browser::new();
        let page = self.test.log_in_with(&browser, "x", None, account).await;
        let page = oidc.consent(&browser, page, LOGIN, yes, APPLICATION).await;
        self.test.confirmed(&browser, page).await
    }

    async fn post(&self, account: Uuid, text: &str) -> Uuid {
        let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid])";
        self.test.owner.value(sql, &[&self.test.workspace, &text, &account]).await
    }

    async fn published(&self, account: Uuid, text: &str) {
        let post = self.post(account, text).await;
        wait_for("the post to be published", SOON, async || {
            backdoor::make_retries_due(&self.test.sql).await;
            let shown: Value = self.test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
            if shown["targets"][0]["state"] == json!("published") { Ok(()) } else { Err(shown) }
        })
        .await;
    }
}

#[tokio::test]
async fn a_real_server_accepts_the_login_and_every_rotation() {
    let (real, oidc) = Real::new().await;
    let test = &real.test;
    test.sql
        .run("UPDATE crier.platform_policy SET account_gap = NULL; DELETE FROM crier.platform_limit")
        .await;
    let _crierd = test.start().await;
    let refused = real.log_in(&oidc, None, false).await;
    assert_eq!(refused.param("crier_error").as_deref(), Some("access_denied"), "{refused:?}");

    let page = real.log_in(&oidc, None, true).await;
    let account = test.connected(&page)[0];
    assert_eq!(test.account(account).await, format!("x u{LOGIN} active 1 t"));
    assert_eq!(page.param("crier_missing"), None);
    assert_eq!(oidc.counts().await, (1, 0, 0));

    // each time the access token has ended, and the refresh token is another one
    for round in 1..=3 {
        let ended = "SELECT expires_at < now() FROM crier.credential WHERE account_id = $1";
        wait_until("the end of the access token", true, async || {
            test.sql.value::<bool>(ended, &[&account]).await
        })
        .await;
        real.published(account, &format!("round {round}")).await;
        let (exchanged, refreshed, reused) = oidc.counts().await;
        assert!(exchanged == 1 && refreshed >= round && reused == 0, "{exchanged} {refreshed} {reused}");
    }

    // a server that knows the grant no more: the account says so, waits, and is connected again
    drop(oidc);
    let oidc = real.server();
    let ended = "SELECT expires_at < now() FROM crier.credential WHERE account_id = $1";
    wait_until("the end of the access token", true, async || {
        test.sql.value::<bool>(ended, &[&account]).await
    })
    .await;
    let waiting = real.post(account, "waits for a login").await;
    let status = "SELECT status FROM crier.social_account WHERE id = $1";
    wait_until("the account's status", "reauth_required".to_owned(), async || {
        test.sql.value::<String>(status, &[&account]).await
    })
    .await;
    let page = real.log_in(&oidc, Some(account), true).await;
    assert_eq!(test.connected(&page), [account]);
    wait_for("the post that waited", SOON, async || {
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&waiting]).await;
        if shown["targets"][0]["state"] == json!("published") { Ok(()) } else { Err(shown) }
    })
    .await;
}
