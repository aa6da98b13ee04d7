//! Webhooks that platforms send: what is signed is stored once and processed once, and nothing else changes anything.

mod bounds;
mod effects;
mod functions;
mod once;
mod schemes;

use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use crier_tests::backdoor;
use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::crierd::{Crierd, Deployment};
use crier_tests::sender::{self, Delivery, PLATFORMS};
use crier_tests::session::Session;
use crier_tests::stage::create_workspace;
use crier_tests::wait::wait_until;
use uuid::Uuid;

/// The secret that platforms sign with here; the seed of a key where they have keys.
const SECRET: &str = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
const OLD_SECRET: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const OTHER_SECRET: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const VERIFY_TOKEN: &str = "a-verify-token-of-ours";

/// A deployment that takes in webhooks of every platform.
struct Post {
    database: Database,
    deployment: Deployment,
    sql: Session,
    workspace: Uuid,
}

/// How a request was answered.
#[derive(Debug, PartialEq, Eq)]
struct Answered {
    status: u16,
    body: String,
}

impl Post {
    async fn new() -> Self {
        Self::on(Database::shared().await).await
    }

    async fn on(database: Database) -> Self {
        let url = database.url(SIDECAR_ROLE);
        Self::by(database, &url).await
    }

    /// The same with a sidecar that reaches the database by this address.
    async fn by(database: Database, url: &str) -> Self {
        let deployment = Deployment::init(url);
        for platform in PLATFORMS {
            let line = |secret| sender::line_of(platform, secret);
            write_secrets(&deployment, platform, &[line(SECRET), line(OLD_SECRET)]);
        }
        let sql = database.connect().await;
        let workspace = create_workspace(&sql).await;
        Self { database, deployment, sql, workspace }
    }

    async fn start(&self) -> Crierd {
        self.start_with(&[]).await
    }

    async fn start_with(&self, more: &[(&str, &str)]) -> Crierd {
        let mut variables = Vec::new();
        for platform in PLATFORMS {
            let upper = platform.to_uppercase();
            variables.push((format!("CRIER_WEBHOOK_{upper}_SECRETS_FILE"), format!("{platform}.secrets")));
            if ["facebook", "instagram", "threads", "youtube"].contains(&platform) {
                variables.push((format!("CRIER_WEBHOOK_{upper}_VERIFY_TOKEN"), VERIFY_TOKEN.to_owned()));
            }
        }
        variables.push(("CRIER_WEBHOOK_GHOST_ACCOUNT".to_owned(), "https://site.example".to_owned()));
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.deployment.start_with(&[&variables, more].concat()).await
    }

    /// An active account of any platform, as it is after it was connected.
    async fn account(&self, workspace: Uuid, platform: &str, external_id: &str) -> Uuid {
        let account = crier_tests::stage::dummy_account(&self.sql, workspace, external_id).await;
        let platform_of = "UPDATE crier.social_account SET platform = $2, external_id = $3 WHERE id = $1";
        self.sql.rows(platform_of, &[&account, &platform, &external_id]).await;
        // it was connected before anything that happens now
        self.sql.run("UPDATE crier.credential SET updated_at = now() - interval '1 hour'").await;
        account
    }

    /// Waits until every job of a webhook has come to its end; the webhooks as they are then.
    async fn processed(&self, count: i64) {
        wait_until("the webhooks that were processed", format!("{count}|0"), async || {
            backdoor::make_retries_due(&self.sql).await;
            let webhooks =
                "SELECT count(*), count(*) FILTER (WHERE processed_at IS NULL) FROM crier.webhooks";
            self.sql.text(webhooks).await
        })
        .await;
    }

    /// How many rows there are: deliveries, webhooks, jobs of webhooks.
    async fn stored(&self) -> String {
        let counts = "SELECT (SELECT count(*) FROM crier.webhook_delivery), (SELECT count(*) FROM crier.webhook_event), \
                      (SELECT count(*) FROM crier.jobs WHERE kind = 'process_webhook')";
        self.sql.text(counts).await
    }
}

fn write_secrets(deployment: &Deployment, platform: &str, lines: &[String]) {
    let path = deployment.dir().join(format!("{platform}.secrets"));
    std::fs::write(&path, lines.join("\n")).expect("a file of secrets");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a private file");
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}

async fn answered(answer: reqwest::Response) -> Answered {
    let status = answer.status().as_u16();
    Answered { status, body: answer.text().await.unwrap_or_default() }
}

/// Sends a delivery to an endpoint.
async fn send(crierd: &Crierd, path: &str, delivery: &Delivery) -> Answered {
    let mut call = crier_tests::http::client().post(format!("{}/webhooks/{path}", crierd.url()));
    for (name, value) in &delivery.headers {
        call = call.header(name, value);
    }
    answered(call.body(delivery.body.clone()).send().await.expect("an answer")).await
}

async fn get(crierd: &Crierd, path: &str) -> Answered {
    answered(crier_tests::http::get(format!("{}/webhooks/{path}", crierd.url())).await.expect("an answer"))
        .await
}

/// A delivery signed now with our secret.
fn signed(platform: &str, body: &str) -> Delivery {
    sender::delivery(platform, SECRET, body, now())
}

/// What a platform says of an account's grant or of anything else, with a number to tell one from another.
fn said_of(platform: &str, account: &str, number: usize) -> String {
    match platform {
        "facebook" => format!(
            r#"{{"object":"page","entry":[{{"id":"{account}","time":{number},"changes":[{{"field":"feed","value":{{}}}}]}}]}}"#
        ),
        "instagram" | "threads" => format!(
            r#"{{"object":"{platform}","entry":[{{"id":"{account}","time":{number},"changes":[{{"field":"comments","value":{{}}}}]}}]}}"#
        ),
        "x" => format!(r#"{{"for_user_id":"{account}","tweet_create_events":[{{"id_str":"{number}"}}]}}"#),
        "linkedin" => format!(
            r#"{{"type":"T","notifications":[{{"notificationId":{number},"organizationalEntity":"{account}","action":"COMMENT"}}]}}"#
        ),
        "tiktok" => {
            format!(r#"{{"event":"video.n{number}","user_openid":"{account}","create_time":{number}}}"#)
        }
        "slack" => format!(
            r#"{{"team_id":"{account}","event":{{"type":"app_mention"}},"type":"event_callback","event_id":"Ev{number}"}}"#
        ),
        "discord" => format!(
            r#"{{"type":1,"event":{{"type":"ENTITLEMENT_CREATE","data":{{"guild_id":"{account}","n":{number}}}}}}}"#
        ),
        "telegram" => {
            format!(r#"{{"update_id":{number},"channel_post":{{"chat":{{"id":"{account}"}},"text":"x"}}}}"#)
        }
        "youtube" => format!(
            "<feed xmlns:yt='http://www.youtube.com/xml/schemas/2015' xmlns='http://www.w3.org/2005/Atom'><entry>\
             <yt:videoId>{number}</yt:videoId><yt:channelId>{account}</yt:channelId><title>x</title></entry></feed>"
        ),
        _ => format!(
            r#"{{"post":{{"current":{{"id":"{number}","status":"published"}},"previous":{{"status":"draft"}}}}}}"#
        ),
    }
}
