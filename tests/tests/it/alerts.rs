//! Alerts: what administrators are told, by signed webhooks, at least once and never by another tenant's.

mod causes;
mod delivery;
mod endpoints;
mod raised;
mod turns;

use crier_tests::cluster::Database;
use crier_tests::crierd::{Crierd, Deployment};
use crier_tests::receiver::{Received, Receiver};
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};
use crier_tests::wait::{SOON, wait_for};
use standardwebhooks::Webhook;
use uuid::Uuid;

/// Endpoints of workspaces are on loopback here.
const ON_LOOPBACK: &[(&str, &str)] = &[("CRIER_ALERTS_ALLOW_LOOPBACK", "true")];

/// A workspace with an account nobody answers for, a receiver, and a directory to run the sidecar from.
struct Alarm {
    database: Database,
    deployment: Deployment,
    sql: Session,
    workspace: Uuid,
    account: Uuid,
    receiver: Receiver,
}

/// An endpoint as its owner knows it.
struct Added {
    id: Uuid,
    secret: String,
}

impl Alarm {
    async fn new() -> Self {
        Self::on(Database::shared().await).await
    }

    async fn on(database: Database) -> Self {
        let deployment = Deployment::init(&database.url(crier_tests::cluster::SIDECAR_ROLE));
        let sql = database.connect().await;
        // nothing here is about the pace of an account
        sql.run("UPDATE crier.platform_policy SET account_gap = NULL, account_concurrency = NULL, breaker_failures = NULL")
            .await;
        // nor about thresholds that jobs of a test pass, but where it asks for them itself
        sql.run("UPDATE crier.maintenance_task SET every = NULL WHERE task = 'check_alerts'").await;
        let workspace = create_workspace(&sql).await;
        let account = dummy_account(&sql, workspace, "alice.test").await;
        Self { database, deployment, sql, workspace, account, receiver: Receiver::start() }
    }

    async fn start(&self) -> Crierd {
        self.deployment.start_with(ON_LOOPBACK).await
    }

    /// Adds an endpoint at the receiver with the program.
    fn add(&self, workspace: Option<Uuid>, kinds: &str) -> Added {
        self.add_at(&self.receiver.url(), workspace, kinds)
    }

    fn add_at(&self, url: &str, workspace: Option<Uuid>, kinds: &str) -> Added {
        let workspace = workspace.map(|id| id.to_string());
        let mut command = self.deployment.command();
        command.envs(ON_LOOPBACK.iter().copied()).args(["alert", "add", "--url", url]);
        if let Some(workspace) = &workspace {
            command.args(["--workspace", workspace]);
        }
        if !kinds.is_empty() {
            command.args(["--kinds", kinds]);
        }
        let printed = crier_tests::crierd::finish(&mut command, "");
        let lines: Vec<_> = printed.stdout.lines().collect();
        let [id, secret] = lines[..] else { panic!("expected an id and a secret: {printed:?}") };
        assert!(printed.status.success() && secret.starts_with("whsec_"), "{printed:?}");
        Added { id: id.parse().expect("an id"), secret: secret.to_owned() }
    }

    /// A post whose only job fails for good, as a worker of the test's says, before a sidecar could take it.
    async fn lose_post(&self, class: &str) {
        self.sql.run("BEGIN").await;
        self.lose_post_within(class).await;
        self.sql.run("COMMIT").await;
    }

    /// The same in the transaction that is open.
    async fn lose_post_within(&self, class: &str) {
        let sql = "SELECT crier.create_post($1, 'lost', ARRAY[$2::uuid])";
        let post: Uuid = self.sql.value(sql, &[&self.workspace, &self.account]).await;
        let claim = "SELECT job_id, token FROM crier.claim_jobs('a test', kinds => '{publish_post}')";
        let row = self.sql.row(claim, &[]).await;
        let (job, token): (Uuid, i64) = (row.get(0), row.get(1));
        let of: Uuid =
            self.sql.value("SELECT post_id FROM crier.post_target WHERE job_id = $1", &[&job]).await;
        assert_eq!(of, post, "expected the job of the post");
        let report = "SELECT job_status FROM crier.report_targets(ARRAY[$1::uuid], ARRAY[$2::bigint], ARRAY[$3], \
                      ARRAY['{\"message\": \"no such thing\"}'::jsonb])";
        self.sql.rows(report, &[&job, &token, &class]).await;
    }

    /// The jobs of alerts, oldest first: type and state.
    async fn jobs(&self) -> String {
        let jobs = "SELECT params ->> 'type', state FROM crier.jobs WHERE kind = 'deliver_alert' ORDER BY id";
        self.sql.text(jobs).await
    }

    /// Waits until so many calls have come, or more; all of them. The look itself makes a failed delivery due again, so
    /// that another one may arrive before the look counts: no number of calls is certain to be seen.
    async fn received(&self, count: usize) -> Vec<Received> {
        wait_for(&format!("{count} deliveries"), SOON, async || {
            crier_tests::backdoor::make_retries_due(&self.sql).await;
            let received = self.receiver.received();
            if received.len() >= count { Ok(received) } else { Err(received.len()) }
        })
        .await
    }

    /// What the list says of an endpoint.
    async fn listed(&self, id: Uuid, columns: &str) -> String {
        self.sql.text(&format!("SELECT {columns} FROM crier.list_alert_endpoints() WHERE id = '{id}'")).await
    }
}

/// Whether a delivery bears a signature by this secret, as the reference implementation judges.
fn is_signed(received: &Received, secret: &str) -> bool {
    let webhook = Webhook::new(secret).expect("a secret");
    webhook.verify(&received.body, &received.headers).is_ok()
}
