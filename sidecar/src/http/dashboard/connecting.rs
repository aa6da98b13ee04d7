//! What the dashboard knows of connecting accounts: where people log in, and on which platforms they can.

use url::Url;

use crate::config::OAuth;
use crate::providers::Providers;

/// How accounts are connected from here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connecting {
    settings: OAuth,
    platforms: Vec<&'static str>,
}

impl Connecting {
    /// Of the platforms that have a login and, where it needs one, an app.
    pub(crate) fn new(settings: OAuth, providers: &Providers) -> Self {
        let can = |name: &str| {
            let connect = providers.get(name).and_then(|provider| provider.connect())?;
            let server = connect.server(None, settings.reach).ok()?;
            (connect.registers() || connect.app(&server).is_ok()).then_some(())
        };
        let all = crier_core::platform::ALL.iter().map(|platform| platform.name);
        let platforms = all.filter(|name| can(name).is_some()).collect();
        Self { settings, platforms }
    }

    /// The platforms on which it can begin; none where nobody can come here.
    pub(super) fn platforms(&self) -> &[&'static str] {
        if self.settings.public_url.is_some() { &self.platforms } else { &[] }
    }

    /// Where a login goes on.
    pub(super) fn address(&self, path: &str) -> Option<String> {
        self.settings.public_url.as_deref().map(|url| format!("{url}{path}"))
    }

    /// Whether people may be sent back to this page.
    pub(super) fn may_return_to(&self, page: &str) -> bool {
        self.settings.return_url(page).is_some_and(|url: Url| url.as_str() == page)
    }
}

/// Whether a platform has many servers, and what to name one by.
pub(super) fn server_of(platform: &str) -> Option<&'static str> {
    match platform {
        "mastodon" | "misskey" => Some("Its server, such as social.example"),
        "bluesky" => Some("Its name or server, if it is not on bsky.social"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_back_to_a_page_of_others() {
        let return_origins = vec![Url::parse("https://crier.example").unwrap().origin()];
        let settings =
            OAuth { public_url: Some("https://oauth.example".into()), return_origins, ..OAuth::default() };
        let connecting = Connecting { settings, platforms: vec!["x"] };
        assert!(connecting.may_return_to("https://crier.example/dashboard/w/x/accounts/connected"));
        assert!(!connecting.may_return_to("https://evil.example/dashboard"));
        assert!(!connecting.may_return_to("https://crier.example:8443/dashboard"));
        assert_eq!(
            connecting.address("/oauth/finish").as_deref(),
            Some("https://oauth.example/oauth/finish")
        );
        assert_eq!(connecting.platforms(), ["x"]);
        assert!(Connecting { settings: OAuth::default(), platforms: vec!["x"] }.platforms().is_empty());
    }
}
