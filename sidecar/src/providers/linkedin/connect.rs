//! Connecting accounts: one login gives the member and, where that was asked for, each page that the member publishes for.
//!
//! LinkedIn refuses a login as a whole that asks for more than the app is approved for. So what only some apps are is asked for by
//! those who name it as their server: `pages`, and `reading` for the posts of members.

use std::time::Duration;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::linkedin::PLATFORM;

use super::LinkedIn;
use super::session::{Named, member, pages};
use crate::providers::code_flow::{CodeFlow, Exchanged, Says};
use crate::providers::oauth;
use crate::providers::{App, Ask, Begun, Callback, Connect, Failure, Granted, Kept, Provider, Reach};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// To publish for pages, and to read there what was published: without that a lost answer could not be settled.
const PAGES: [&str; 2] = ["w_organization_social", "r_organization_social"];
/// The same for what pages say under posts, which are other rights.
const COMMENTS: [&str; 2] = ["w_organization_social_feed", "r_organization_social_feed"];
const READING: &str = "r_member_social";

/// A token is good for sixty days. The one that renews it only partners of LinkedIn get.
pub(super) const FLOW: CodeFlow = CodeFlow {
    platform: PLATFORM.name,
    authorize_url: "https://www.linkedin.com/oauth/v2/authorization",
    token_url: "https://www.linkedin.com/oauth/v2/accessToken",
    says: Says::Form,
    client_id: "client_id",
    pkce: false,
    separator: " ",
    needed: &["openid", "profile", "w_member_social"],
    useful: &[],
    more: &[],
    life: DAY.saturating_mul(60),
    longest: DAY.saturating_mul(366),
};

/// What is asked for, by what was named.
fn flow(named: Option<&str>) -> Option<CodeFlow> {
    const OF_PAGES: [&str; 6] =
        [PAGES[0], PAGES[1], COMMENTS[0], COMMENTS[1], "rw_organization_admin", READING];
    let useful: &[&str] = match named.map(str::trim) {
        None | Some("") => &[],
        Some("pages") => &OF_PAGES[..5],
        Some("reading") => &[READING],
        Some("pages+reading" | "reading+pages") => &OF_PAGES,
        Some(_) => return None,
    };
    Some(CodeFlow { useful, ..FLOW })
}

#[async_trait]
impl Connect for LinkedIn {
    fn server(&self, named: Option<&str>, _reach: Reach) -> Result<String, Failure> {
        match flow(named) {
            Some(_) => Ok(self.home().to_owned()),
            None => oauth::only_server(&self.servers(), named),
        }
    }

    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        oauth::own_app(self.app.as_ref(), PLATFORM.name).map(Some)
    }

    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure> {
        flow(ask.named).unwrap_or(FLOW).begin(&self.endpoints, ask)
    }

    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure> {
        let exchanged = FLOW.exchange(&self.client, &self.endpoints, kept, callback).await?;
        let Exchanged { session, granted } = exchanged;
        FLOW.missing(&granted)?;
        let has = |scope: &str| granted.iter().any(|given| given == scope);
        let server = callback.ask.server;
        let api = self.server(server).with(&session.access);
        let lost = |wanted: [&str; 2]| -> Vec<String> {
            wanted.into_iter().filter(|scope| !has(scope)).map(str::to_owned).collect()
        };
        let mut accounts = vec![(member(&api).await?, Vec::new())];
        if PAGES.into_iter().all(has) {
            let pages = of_pages(pages(&api).await)?;
            accounts.extend(pages.into_iter().map(|page| (page, lost(COMMENTS))));
        } else if PAGES.into_iter().any(has) {
            accounts[0].1 = lost(PAGES);
        }
        let granted = accounts.into_iter().map(|((external_id, handle), missing)| Granted {
            external_id,
            handle,
            base_url: server.to_owned(),
            session: session.clone(),
            missing,
        });
        Ok(granted.collect())
    }
}

/// Who administers no page may not be told so in a friendly way: then there are none.
fn of_pages(pages: Result<Vec<Named>, Failure>) -> Result<Vec<Named>, Failure> {
    match pages {
        Err(failure) if failure.class == ErrorClass::Permission => Ok(Vec::new()),
        pages => pages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_asked_for() {
        let asked = |named| flow(named).map(|flow| flow.useful.len());
        assert_eq!(
            [None, Some("pages"), Some("reading"), Some("pages+reading")].map(asked),
            [0, 5, 1, 6].map(Some)
        );
        assert_eq!(asked(Some("https://evil.example")), None);
    }
}
