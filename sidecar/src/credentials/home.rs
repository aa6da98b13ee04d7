//! Where tokens may be sent: whoever can write to the database can give an account another address, and must get no token by it.

use crier_core::error_class::ErrorClass;

use crate::providers::{Failure, Provider};

/// Whether accounts of the platform may be on this server.
pub(crate) fn may_be_on(provider: &dyn Provider, server: &str) -> Result<(), Failure> {
    let known = provider.servers();
    if known.is_empty() || known.contains(&server) {
        return Ok(());
    }
    let name = provider.platform().name;
    let message = format!(
        "{server} is no server of {name}, which is at {}; remedy: set platforms.{name}.server if that is another one now, \
         or connect the account again",
        known.join(" and ")
    );
    Err(Failure::new(ErrorClass::Config, message))
}

/// Whether tokens that were sealed for `sealed_for` may be sent to the account's server. Tokens that name none were sealed by a
/// version that didn't say: they are good where the platform itself says which servers it has, or at its usual one.
pub(super) fn may_be_sent(
    provider: &dyn Provider,
    server: &str,
    sealed_for: Option<&str>,
) -> Result<(), Failure> {
    may_be_on(provider, server)?;
    let why = match sealed_for {
        Some(home) if home == server => return Ok(()),
        None if !provider.servers().is_empty() || provider.default_base_url() == Some(server) => {
            return Ok(());
        }
        Some(home) => format!("the account's tokens are for {home} and not for {server}"),
        None => {
            format!("an older version stored the account's tokens, without saying that they are for {server}")
        }
    };
    let message = format!("{why}: they were sent nowhere; remedy: connect the account again");
    Err(Failure::new(ErrorClass::AuthRevoked, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::media::Fetcher;
    use crate::providers::{Apps, Endpoints, Providers};

    #[test]
    fn tokens_are_sent_to_their_own_server_only() {
        let moved = Endpoints { server: Some("https://x.example".into()), ..Endpoints::default() };
        let registry = |apps: &Apps| Providers::new(&Client::new().unwrap(), &Fetcher::new().unwrap(), apps);
        let (usual, moved) =
            (registry(&Apps::default()), registry(&Apps::default().with_endpoints("x", moved)));
        let class = |providers: &Providers, platform: &str, server: &str, sealed_for: Option<&str>| {
            let sent = may_be_sent(providers.get(platform).unwrap().as_ref(), server, sealed_for);
            sent.err().map(|failure| {
                assert!(failure.message.contains("remedy"), "{failure}");
                failure.class
            })
        };
        let (config, revoked) = (Some(ErrorClass::Config), Some(ErrorClass::AuthRevoked));
        let (a, evil) = ("https://a.example", "https://evil.example");
        for platform in ["bluesky", "mastodon"] {
            assert_eq!(class(&usual, platform, a, Some(a)), None);
            assert_eq!(class(&usual, platform, evil, Some(a)), revoked);
            assert_eq!(class(&usual, platform, "https://a.example.evil", Some(a)), revoked);
            assert_eq!(class(&usual, platform, a, Some("")), revoked);
            assert_eq!(class(&usual, platform, evil, None), revoked);
        }
        assert_eq!(class(&usual, "bluesky", "https://bsky.social", None), None);
        for (platform, home) in [
            ("x", "https://api.x.com"),
            ("instagram", "https://graph.instagram.com"),
            ("instagram", "https://graph.facebook.com"),
        ] {
            assert_eq!(class(&usual, platform, home, Some(home)), None, "{home}");
            assert_eq!(class(&usual, platform, home, None), None, "{home}");
            assert_eq!(class(&usual, platform, home, Some(a)), revoked, "{home}");
            // also where the tokens say so: the app's secret goes along
            assert_eq!(class(&usual, platform, evil, Some(evil)), config, "{home}");
        }
        assert_eq!(class(&moved, "x", "https://x.example", None), None);
        assert_eq!(class(&moved, "x", "https://api.x.com", Some("https://api.x.com")), config);
    }
}
