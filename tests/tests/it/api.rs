//! The API as its callers meet it: every route, every way to be refused, and never another tenant's rows.

mod bounds;
mod calls;
mod every_route;
mod generated;
mod refusals;
mod shapes;
mod strangers;

use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::crierd::{Crierd, Deployment};
use crier_tests::session::Session;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use ring::hmac;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tenancy::app_role;
use crate::tenancy::filled::Filled;

const SECRET: &str = "a secret of tests, long enough for HS256";

/// A sidecar that serves the API.
struct Served {
    database: Database,
    sql: Session,
    deployment: Deployment,
    crierd: Crierd,
    url: String,
    client: reqwest::Client,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A database before the API is served.
struct Installed {
    database: Database,
    sql: Session,
}

impl Installed {
    async fn new() -> Self {
        let database = Database::shared().await;
        let sql = database.connect().await;
        Self { database, sql }
    }

    /// A tenant that has everything, and words for times.
    async fn filled(&self, word: &str) -> Filled {
        let role = app_role(&self.sql).await;
        let mut tenant = Filled::new(&self.database, &self.sql, &role, word).await;
        for (name, when) in [("YESTERDAY", "yesterday"), ("TOMORROW", "tomorrow")] {
            let time = format!("SELECT to_char(timestamptz '{when}', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
            tenant.names.insert(name, self.sql.text(&time).await);
        }
        tenant
    }

    /// Serves what is there as it is: it hands out no work, as a copy of the database does.
    async fn serve_at_rest(self) -> Served {
        self.sql.run("UPDATE crier.installation SET system_identifier = '1'").await;
        self.serve(&[]).await
    }

    /// Serves it, with settings on top.
    async fn serve(self, settings: &[(&str, &str)]) -> Served {
        let Self { database, sql } = self;
        let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
        let role = app_role(&sql).await;
        let crierd = start(&deployment, &database.url(&role), settings).await;
        let url = crierd.api_url();
        Served { database, sql, deployment, crierd, url, client: crier_tests::http::client() }
    }
}

impl Served {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(settings: &[(&str, &str)]) -> Self {
        Installed::new().await.serve(settings).await
    }

    fn request(&self, method: Method, path: &str, user: Uuid) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(token(user))
    }

    async fn get(&self, path: &str, user: Uuid) -> Answer {
        answer(self.request(Method::GET, path, user)).await
    }

    async fn post(&self, path: &str, user: Uuid, body: &Value) -> Answer {
        answer(self.request(Method::POST, path, user).json(body)).await
    }

    /// A workspace of a user.
    async fn workspace(&self, user: Uuid) -> Uuid {
        let made = self.post("/v1/workspaces", user, &json!({"name": "Acme"})).await;
        let id = made.json()["id"].as_str().and_then(|id| id.parse().ok());
        id.unwrap_or_else(|| panic!("{made:?}"))
    }
}

/// Writes down by what tokens are verified; gives the file.
pub(crate) fn secret(deployment: &Deployment) -> String {
    let secret = deployment.dir().join("api.secret");
    std::fs::write(&secret, SECRET)
        .and_then(|()| std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)))
        .expect("a secret");
    secret.display().to_string()
}

pub(crate) async fn start(deployment: &Deployment, api_url: &str, settings: &[(&str, &str)]) -> Crierd {
    let secret = secret(deployment);
    let mut all = vec![
        ("CRIER_API_LISTEN", "127.0.0.1:0"),
        ("CRIER_API_JWT_SECRET_FILE", secret.as_str()),
        ("CRIER_API_DATABASE_URL", api_url),
    ];
    all.extend(settings);
    deployment.start_with(&all).await
}

async fn answer(request: RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Answer { status, headers, text: answer.text().await.expect("a text") }
}

pub(crate) fn token(user: Uuid) -> String {
    signed(&json!({"sub": user, "role": "authenticated", "aud": "authenticated", "exp": now() + 600}))
}

pub(crate) fn signed(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
