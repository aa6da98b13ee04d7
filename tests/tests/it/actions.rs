//! What accounts do besides publishing, from SQL to the simulated platforms: what may be done twice is done once, a message is
//! sent at most once, and what Crier says of it is true.

mod deletes;
mod likes;
mod messages;
mod metrics;
mod queue;

use crier_core::action::ActionState;
use crier_tests::backdoor;
use crier_tests::crierd::Crierd;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::{PASSWORD, Stage};
use crier_tests::wait::{SOON, wait_for};
use serde_json::Value;
use uuid::Uuid;

/// An account on a platform, with a second one there that it has to do with, and a sidecar.
struct On {
    platform: &'static str,
    sim: Sim,
    stage: Stage,
    /// What the platform calls the second account.
    bob: String,
}

impl On {
    async fn bluesky() -> Self {
        let sim = Sim::start();
        let database = crier_tests::cluster::Database::shared().await;
        let stage = Stage::on_simulator(&sim, database).await;
        stage.without_pace().await;
        sim.add_bluesky_account("bob.test", PASSWORD);
        Self { platform: "bluesky", sim, stage, bob: "bob.test".into() }
    }

    async fn mastodon() -> Self {
        let (sim, stage) = crate::mastodon::simulated().await;
        sim.add_account("mastodon", "bob", "bobs-token");
        Self { platform: "mastodon", sim, stage, bob: "@bob".into() }
    }

    async fn x() -> Self {
        let (sim, stage) = crate::x::simulated().await;
        stage.without_pace().await;
        let bob = sim.add_account("x", "bob", "bobs-access:bobs-refresh");
        Self { platform: "x", sim, stage, bob }
    }

    async fn instagram() -> Self {
        let (sim, stage) = crate::instagram::simulated().await;
        Self { platform: "instagram", sim, stage, bob: String::new() }
    }

    async fn start(&self) -> Crierd {
        match self.platform {
            "x" => crate::x::start(&self.stage).await,
            _ => self.stage.deployment.start().await,
        }
    }

    /// Plans a fault of the next call of a name.
    fn fault(&self, call: &str, fault: Fault) {
        self.sim.plan(Rule::once(self.platform, call, fault).seconds(1.0));
    }

    /// A post that is published: its id, and its target as `crier.get_post` shows it.
    async fn published(&self, text: &str) -> (Uuid, Value) {
        let post = match self.platform {
            "instagram" => crate::instagram::post_image(&self.stage, text).await,
            _ => self.stage.post(text).await,
        };
        (post, self.stage.published(post).await)
    }

    async fn act(&self, action: &str, subject: &str, text: Option<&str>) -> Uuid {
        let sql = "SELECT crier.act($1, $2, $3, $4)";
        self.stage.sql.value(sql, &[&self.stage.account, &action, &subject, &text]).await
    }

    async fn message(&self, text: &str) -> Uuid {
        self.act("send_dm", &self.bob, Some(text)).await
    }

    async fn action(&self, id: Uuid) -> Value {
        self.stage.sql.value("SELECT crier.get_action($1)", &[&id]).await
    }

    /// Waits until nothing more happens to an action by itself. Retries that wait are made due.
    async fn ended(&self, id: Uuid) -> Value {
        wait_for("the action to come to an end", SOON, async || {
            backdoor::make_retries_due(&self.stage.sql).await;
            let action = self.action(id).await;
            if state(&action).is_final() { Ok(action) } else { Err(action) }
        })
        .await
    }

    /// The same, and it must be done.
    async fn done(&self, id: Uuid) -> Value {
        let action = self.ended(id).await;
        assert_eq!(action["state"], "done", "{action}");
        action
    }

    /// What is visible with this text.
    fn count(&self, text: &str) -> usize {
        self.sim.visible(text).len()
    }
}

fn state(action: &Value) -> ActionState {
    let state = action["state"].as_str().unwrap_or_default();
    state.parse().unwrap_or_else(|error| panic!("{error}: {action}"))
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}
