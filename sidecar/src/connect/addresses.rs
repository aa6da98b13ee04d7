//! The addresses of a login: where a platform answers to, and where the person ends.

use sha2::{Digest, Sha256};
use url::Url;

use crate::hex::hex;

use super::Reason;

/// The path that a server answers to: where every server is a platform of its own, each has another one.
pub(crate) fn redirect_uri(public_url: &str, platform: &str, server: &str, is_own_platform: bool) -> String {
    if !is_own_platform {
        return format!("{public_url}/oauth/{platform}/callback");
    }
    let digest = Sha256::digest(server.as_bytes());
    let tag = hex(&digest[..8]);
    format!("{public_url}/oauth/{platform}/callback/{tag}")
}

/// An address of an application without what only crierd says there.
pub(super) fn without_ours(back: &Url) -> Url {
    let mut url = back.clone();
    let theirs: Vec<_> = back
        .query_pairs()
        .filter(|(name, _)| !name.starts_with("crier_"))
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    url.set_query(None);
    if !theirs.is_empty() {
        url.query_pairs_mut().extend_pairs(theirs);
    }
    url
}

/// Where the person goes with the word for what went wrong.
pub(crate) fn failed(back: &Url, reason: Reason) -> Url {
    let mut url = without_ours(back);
    url.query_pairs_mut().append_pair("crier_error", reason.code());
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_of_its_own_has_an_address_of_its_own() {
        let uri = |server: &str, own| redirect_uri("https://c.example", "mastodon", server, own);
        assert_eq!(uri("https://a.example", false), "https://c.example/oauth/mastodon/callback");
        let (a, b) = (uri("https://a.example", true), uri("https://b.example", true));
        assert!(a != b && a.starts_with("https://c.example/oauth/mastodon/callback/"), "{a} {b}");
        assert_eq!(a, uri("https://a.example", true));
    }

    #[test]
    fn an_error_takes_the_place_of_what_was_there() {
        let back = Url::parse("https://app.example/?crier_error=a&x=y&crier_account_ids=z").unwrap();
        assert_eq!(
            failed(&back, Reason::Denied).as_str(),
            "https://app.example/?x=y&crier_error=access_denied"
        );
    }
}
