//! What an end-to-end test begins with: a workspace, an account that is connected through the program, posts by
//! SQL, and the questions it asks afterwards.

use crier_core::target::TargetState;
use serde_json::Value;
use uuid::Uuid;

use crate::backdoor;
use crate::cluster::{Database, SIDECAR_ROLE};
use crate::crierd::Deployment;
use crate::session::{Refusal, Session};
use crate::sim::fault::{Fault, Rule};
use crate::sim::{Sim, mastodon};
use crate::wait::{SOON, wait_for, wait_until};

/// The app password of accounts on the simulator.
pub const PASSWORD: &str = "abcd-efgh-ijkl-mnop";

/// A workspace with one connected account.
#[derive(Debug)]
pub struct Stage {
    /// The database.
    pub database: Database,
    /// The directory the sidecar runs from.
    pub deployment: Deployment,
    /// The workspace.
    pub workspace: Uuid,
    /// The account.
    pub account: Uuid,
    /// A session of the superuser.
    pub sql: Session,
}

impl Stage {
    /// An account on a simulated Bluesky.
    pub async fn on_simulator(sim: &Sim, database: Database) -> Self {
        let handle = "alice.test";
        sim.add_bluesky_account(handle, PASSWORD);
        Self::connected(database, handle, &sim.bluesky_url(), PASSWORD).await
    }

    /// An account on a Bluesky server that has it already.
    pub async fn connected(database: Database, handle: &str, pds: &str, app_password: &str) -> Self {
        Self::connected_on("bluesky", database, handle, pds, app_password).await
    }

    /// An account on a simulated Mastodon server.
    pub async fn on_mastodon(sim: &Sim, database: Database) -> Self {
        sim.add_account(mastodon::NAME, "alice", PASSWORD);
        Self::connected_on(mastodon::NAME, database, "alice", &sim.url_of(mastodon::NAME), PASSWORD).await
    }

    /// An account on a server of a platform that has it already.
    pub async fn connected_on(
        platform: &str,
        database: Database,
        handle: &str,
        server: &str,
        secret: &str,
    ) -> Self {
        let url = database.url(SIDECAR_ROLE);
        Self::connected_by(platform, database, &url, handle, server, secret).await
    }

    /// The same with a sidecar that reaches the database by this address.
    pub async fn connected_by(
        platform: &str,
        database: Database,
        url: &str,
        handle: &str,
        server: &str,
        secret: &str,
    ) -> Self {
        let deployment = Deployment::init(url);
        let sql = database.connect().await;
        let workspace = create_workspace(&sql).await;
        let account = deployment.add_account_on(platform, workspace, handle, server, secret);
        Self { database, deployment, workspace, account, sql }
    }

    /// Lets the account's posts follow each other at once, as many as there are.
    pub async fn without_pace(&self) {
        self.sql
            .run("UPDATE crier.platform_policy SET account_gap = NULL; DELETE FROM crier.platform_limit")
            .await;
    }

    /// The same, and nothing waits for a breaker either.
    pub async fn at_once(&self) {
        self.without_pace().await;
        self.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    }

    /// Connects anew: the server was restarted.
    pub async fn reconnect(&mut self) {
        self.sql = self.database.connect().await;
    }

    /// A post that is due now.
    pub async fn post(&self, content: &str) -> Uuid {
        self.post_with(content, &Value::Array(Vec::new())).await
    }

    /// A post with media that is due now.
    pub async fn post_with(&self, content: &str, media: &Value) -> Uuid {
        let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], media => $4)";
        self.sql.value(sql, &[&self.workspace, &content, &self.account, media]).await
    }

    /// A post with media and settings, `{platform: {…}}`, that is due now.
    pub async fn post_as(&self, content: &str, media: &Value, settings: &Value) -> Uuid {
        let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], media => $4, settings => $5)";
        self.sql.value(sql, &[&self.workspace, &content, &self.account, media, settings]).await
    }

    /// How a post is refused that the platform would not take.
    pub async fn refused(&self, content: &str, media: &Value, settings: &Value) -> Refusal {
        let refusal = self.refused_post(content, media, settings).await;
        let told = (refusal.code.as_str(), refusal.detail.as_str());
        assert_eq!(told, ("22023", "content_invalid"), "{refusal}");
        refusal
    }

    /// Waits until an action, or the job that reads figures, is done. Retries that wait are made due.
    pub async fn done(&self, made: Uuid) {
        let state = format!(
            "SELECT coalesce((SELECT state FROM crier.actions WHERE id = '{made}'), \
                             (SELECT state FROM crier.jobs WHERE id = '{made}'))"
        );
        wait_for("it to be done", SOON, async || {
            backdoor::make_retries_due(&self.sql).await;
            let state = self.sql.text(&state).await;
            if ["done", "completed"].contains(&state.as_str()) { Ok(()) } else { Err(state) }
        })
        .await;
    }

    /// Waits until the try of a post has failed, in this way.
    pub async fn failed_as(&self, post: Uuid, class: &str) {
        let of = async || self.target(post).await["error"]["class"].clone();
        wait_until("the error of the target", Value::from(class), of).await;
    }

    /// Why a post with media and settings is refused.
    pub async fn refused_post(&self, content: &str, media: &Value, settings: &Value) -> Refusal {
        let sql = format!(
            "SELECT crier.create_post('{}', '{content}', ARRAY['{}'::uuid], media => '{media}', settings => '{settings}')",
            self.workspace, self.account
        );
        self.sql.refusal(&sql).await
    }

    /// Waits until all parts of a post are published: its targets.
    pub async fn published_parts(&self, post: Uuid) -> Vec<Value> {
        wait_for("all parts to be published", SOON, async || {
            backdoor::make_retries_due(&self.sql).await;
            let post: Value = self.sql.value("SELECT crier.get_post($1)", &[&post]).await;
            let targets = post["targets"].as_array().cloned().unwrap_or_default();
            if targets.iter().all(|target| target["state"] == "published") {
                Ok(targets)
            } else {
                Err(targets)
            }
        })
        .await
    }

    /// The only target of a post, as `crier.get_post` shows it.
    pub async fn target(&self, post: Uuid) -> Value {
        let post: Value = self.sql.value("SELECT crier.get_post($1)", &[&post]).await;
        assert_eq!(post["targets"].as_array().map(Vec::len), Some(1), "expected one target in {post}");
        post["targets"][0].clone()
    }

    /// Posts, kills the sidecar between the carrying out of the platform's call that publishes and our record of it, and lets its
    /// lease run out.
    pub async fn killed_while_held(&self, sim: &Sim, platform: &str, commit: &str, text: &str) -> Uuid {
        sim.plan(Rule::once(platform, commit, Fault::HoldAfterCommit));
        let crierd = self.deployment.start().await;
        let post = self.post(text).await;
        wait_until("the number of held answers", 1, async || sim.held()).await;
        crierd.kill();
        sim.release();
        backdoor::lapse_leases(&self.sql).await;
        post
    }

    /// Waits until a post is published. Retries that wait for their minute are made due, so that the test sees what
    /// the retry does, not how long it waits.
    pub async fn published(&self, post: Uuid) -> Value {
        self.reached(post, "published").await
    }

    /// Waits until nothing more happens to the post's target by itself. Retries that wait are made due, and what was sent is as
    /// good as settled.
    pub async fn ended(&self, post: Uuid) -> Value {
        wait_for("the target to come to an end", SOON, async || {
            backdoor::age_intents(&self.sql).await;
            backdoor::make_retries_due(&self.sql).await;
            let target = self.target(post).await;
            if is_final(&target) { Ok(target) } else { Err(target) }
        })
        .await
    }

    /// Waits until a post is published, as [`Stage::ended`], and checks that it is there once and that Crier knows where.
    pub async fn published_once(&self, sim: &Sim, post: Uuid, text: &str) -> Value {
        let target = self.ended(post).await;
        assert_eq!(target["state"], "published", "{text}: {target}");
        let [entry] = &sim.visible(text)[..] else { panic!("{text}: {:?}", sim.ledger()) };
        assert_eq!(target["url"], entry.uri.as_str(), "{text}: {target}");
        target
    }

    /// Waits until a post waits, for a reason.
    pub async fn waits(&self, post: Uuid, class: &str) -> Value {
        wait_for(&format!("the target to wait for {class}"), SOON, async || {
            let target = self.target(post).await;
            if target["error"]["class"] == class { Ok(target) } else { Err(target) }
        })
        .await
    }

    /// Lifts what holds the account up.
    pub async fn unblock(&self) {
        let sql = "SELECT crier.unblock_account($1), crier.unblock_account($1, 'publish')";
        self.sql.rows(sql, &[&self.account]).await;
    }

    /// Waits until every target of a post is published, as [`Stage::ended`].
    pub async fn whole(&self, post: Uuid) {
        wait_for("every part to be published", SOON, async || {
            backdoor::age_intents(&self.sql).await;
            backdoor::make_retries_due(&self.sql).await;
            let shown: Value = self.sql.value("SELECT crier.get_post($1)", &[&post]).await;
            if shown["state"] == "published" { Ok(()) } else { Err(shown) }
        })
        .await;
    }

    /// Waits until the post's target is in a state, as [`Stage::published`].
    pub async fn reached(&self, post: Uuid, state: &str) -> Value {
        wait_for(&format!("the target to be {state}"), SOON, async || {
            backdoor::make_retries_due(&self.sql).await;
            let target = self.target(post).await;
            if target["state"] == state { Ok(target) } else { Err(target) }
        })
        .await
    }
}

/// Whether nothing more happens to a target by itself.
pub fn is_final(target: &Value) -> bool {
    let state = target["state"].as_str().unwrap_or_default();
    state.parse::<TargetState>().is_ok_and(TargetState::is_final)
}

/// A workspace with an owner nobody knows.
pub async fn create_workspace(sql: &Session) -> Uuid {
    sql.value("SELECT crier.create_workspace('A test', $1)", &[&Uuid::new_v4()]).await
}

/// An active account without a server behind it: its credential is sealed with no key at all.
pub async fn dummy_account(sql: &Session, workspace: Uuid, handle: &str) -> Uuid {
    let row = sql
        .row(
            "SELECT * FROM crier.connect_account($1, 'bluesky', $2, $3, 'https://pds.example')",
            &[&workspace, &format!("did:plc:{}", Uuid::new_v4().simple()), &handle],
        )
        .await;
    let (account, generation): (Uuid, i64) = (row.get(0), row.get(1));
    let stored: bool = sql
        .value("SELECT crier.store_credential($1, $2, $3)", &[&account, &generation, &dummy_sealed()])
        .await;
    assert!(stored, "expected the credential of a new account to be stored");
    account
}

/// Bytes in the format of a sealed value.
pub fn dummy_sealed() -> Vec<u8> {
    let sealed = crier_core::sealed::Sealed { key_id: 1, nonce: [0; 12], ciphertext: &[0; 32] };
    sealed.to_bytes()
}
