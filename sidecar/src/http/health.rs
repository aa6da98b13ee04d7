//! Health checks: `/healthz` says that the process lives, `/readyz` that it can work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::db::Db;
use crate::shutdown::Shutdown;

/// A probe does not wait longer.
const LIMIT: Duration = Duration::from_secs(3);

/// What the checks look at.
#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) db: Db,
    pub(crate) shutdown: Shutdown,
}

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(State(health): State<Health>) -> (StatusCode, Json<Value>) {
    match health.obstacle().await {
        None => (StatusCode::OK, Json(json!({ "ready": true }))),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false, "reason": reason }))),
    }
}

impl Health {
    /// Why no work is done here, if so.
    async fn obstacle(&self) -> Option<String> {
        if self.shutdown.begun() {
            return Some("shutting down".into());
        }
        match tokio::time::timeout(LIMIT, self.db.status()).await {
            Ok(Ok(status)) => status.obstacle(),
            Ok(Err(error)) if error.is_missing_function() => {
                Some("the database has no Crier schema: run `crierd migrate`".into())
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the database does not answer".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Database;

    #[tokio::test]
    async fn without_a_database_it_lives_but_is_not_ready() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url: secrecy::SecretString = format!("postgres://u:canary@{free}/d?sslmode=disable").into();
        let database = Database { url: url.clone(), direct_url: url, ca_file: None };
        let health = Health { db: Db::new(&database).unwrap(), shutdown: Shutdown::default() };
        assert_eq!(healthz().await, "ok\n");
        let (status, Json(body)) = readyz(State(health)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body["ready"], false);
        assert!(!body.to_string().contains("canary"), "{body}");
    }
}
