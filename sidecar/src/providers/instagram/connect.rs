//! Connecting an account, by either login: Instagram's own gives one account; Facebook's gives those of all the pages that the
//! person lets the app see, to choose from. Each is an app of its own at Meta.

use async_trait::async_trait;
use crier_core::platform::instagram::PLATFORM;

use super::{Instagram, SERVER};
use crate::providers::graph::VERSION;
use crate::providers::graph::own_login::{Named, OwnLogin, secret};
use crate::providers::graph::pages::{FacebookLogin, Wanted};
use crate::providers::oauth;
use crate::providers::{App, Apps, Ask, Begun, Callback, Connect, Endpoints, Failure, Granted, Kept, Reach};

/// Instagram's own login. Comments, and the figures of posts, are not needed.
pub(in crate::providers) static LOGIN: OwnLogin = OwnLogin {
    platform: &PLATFORM,
    authorize: "https://www.instagram.com/oauth/authorize",
    token: "https://api.instagram.com/oauth/access_token",
    grants: ["ig_exchange_token", "ig_refresh_token"],
    needed: &["instagram_business_basic", "instagram_business_content_publish"],
    useful: &["instagram_business_manage_comments", "instagram_business_manage_insights"],
    id: "user_id",
    nobody: "the token belongs to no professional account of Instagram",
};

/// What is wanted of Facebook's. To publish for pages of a business, comments, and the figures of posts are not needed.
pub(in crate::providers) static PAGES: Wanted = Wanted {
    needed: &["instagram_basic", "instagram_content_publish", "pages_show_list"],
    useful: &[
        "pages_read_engagement",
        "business_management",
        "instagram_manage_comments",
        "instagram_manage_insights",
    ],
    fields: "instagram_business_account{id,username}",
    account: |page| {
        Named::of(&page["instagram_business_account"], "id").map(|named| (named.id, named.username))
    },
    none: "none of the pages that the app may see has a professional account of Instagram",
};

/// Both logins.
#[derive(Debug, Clone, Default)]
pub(super) struct Logins {
    app: Option<App>,
    endpoints: Endpoints,
    facebook: FacebookLogin,
}

impl Logins {
    pub(super) fn of(apps: &Apps) -> Self {
        Self {
            app: apps.get("instagram").cloned(),
            endpoints: apps.endpoints("instagram"),
            facebook: FacebookLogin::of(apps),
        }
    }

    /// The server of Instagram's own login first.
    pub(super) fn servers(&self) -> Vec<&str> {
        vec![self.endpoints.server.as_deref().unwrap_or(SERVER), self.facebook.server()]
    }

    fn is_facebook(&self, server: &str) -> bool {
        server == self.facebook.server()
    }

    /// The version that a server is spoken to in.
    pub(super) fn version(&self, server: &str) -> &str {
        match self.is_facebook(server) {
            true => self.facebook.version(),
            false => self.endpoints.api_version.as_deref().unwrap_or(VERSION),
        }
    }
}

#[async_trait]
impl Connect for Instagram {
    /// The server tells the login: graph.instagram.com or graph.facebook.com.
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        oauth::only_server(&self.logins.servers(), named)
    }

    fn app(&self, server: &str) -> Result<Option<&App>, Failure> {
        if self.logins.is_facebook(server) {
            return self.logins.facebook.app().map(Some);
        }
        let app = oauth::own_app(self.logins.app.as_ref(), PLATFORM.name)?;
        secret(app).map(|_| Some(app))
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        match self.logins.is_facebook(ask.server) {
            true => self.logins.facebook.begin(&PAGES, ask),
            false => LOGIN.begin(&self.logins.endpoints, ask),
        }
    }

    async fn finish(&self, _kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let server = callback.ask.server;
        if self.logins.is_facebook(server) {
            return self.logins.facebook.finish(&self.client, &PAGES, callback).await;
        }
        let at = (&self.logins.endpoints, self.logins.version(server));
        LOGIN.finish(&self.client, at, callback).await
    }
}
