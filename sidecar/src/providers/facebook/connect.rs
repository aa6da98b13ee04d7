//! Connecting pages: Facebook's login, which gives those that the person lets the app see, to choose from.

use async_trait::async_trait;
use serde_json::Value;

use super::Facebook;
use crate::providers::failure::clean;
use crate::providers::graph::is_id;
use crate::providers::graph::pages::Wanted;
use crate::providers::oauth;
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Provider, Reach};

/// The most characters of a page's name.
const MAX_NAME: usize = 100;

/// Without reading nothing could be looked for. Comments, which are written and found again by two rights, figures and the pages of
/// a business are not needed.
const WANTED: Wanted = Wanted {
    needed: &["pages_show_list", "pages_manage_posts", "pages_read_engagement"],
    useful: &["pages_manage_engagement", "pages_read_user_content", "read_insights", "business_management"],
    fields: "username",
    account: named,
    none: "the app may see no page",
};

/// The id and the name of a page: the one in its address, where it has one.
pub(super) fn named(page: &Value) -> Option<(String, String)> {
    let id = page["id"].as_str().filter(|id| is_id(id))?;
    let name = page["username"].as_str().or(page["name"].as_str())?;
    Some((id.to_owned(), clean(name, MAX_NAME))).filter(|(_, name)| !name.trim().is_empty())
}

#[async_trait]
impl Connect for Facebook {
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        oauth::only_server(&self.servers(), named)
    }

    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        self.login.app().map(Some)
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        self.login.begin(&WANTED, ask)
    }

    async fn finish(&self, _kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        self.login.finish(&self.client, &WANTED, callback).await
    }
}
