//! Connecting an account: a login that gives one.

use async_trait::async_trait;
use crier_core::platform::threads::PLATFORM;

use super::Threads;
use crate::providers::graph::own_login::{OwnLogin, secret};
use crate::providers::oauth;
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Provider, Reach};

/// Answers, deletes and the figures of posts are not needed; to find an answer again is a right of its own. Threads does not say
/// what was granted.
pub(super) static LOGIN: OwnLogin = OwnLogin {
    platform: &PLATFORM,
    authorize: "https://threads.net/oauth/authorize",
    token: "https://graph.threads.net/oauth/access_token",
    grants: ["th_exchange_token", "th_refresh_token"],
    needed: &["threads_basic", "threads_content_publish"],
    useful: &["threads_manage_replies", "threads_read_replies", "threads_manage_insights", "threads_delete"],
    id: "id",
    nobody: "the token belongs to no account of Threads",
};

#[async_trait]
impl Connect for Threads {
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        oauth::only_server(&self.servers(), named)
    }

    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        let app = oauth::own_app(self.app.as_ref(), PLATFORM.name)?;
        secret(app).map(|_| Some(app))
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        LOGIN.begin(&self.endpoints, ask)
    }

    async fn finish(&self, _kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        LOGIN.finish(&self.client, (&self.endpoints, self.version()), callback).await
    }
}
