//! The nonces that servers want in proofs: each of its own, and a new one every few minutes (RFC 9449, 8 and 9).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName};
use url::Url;

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// The longest one that is taken.
const MAX_NONCE: usize = 256;
/// The most servers whose nonces are remembered: one that is forgotten costs a call.
const MAX_SERVERS: usize = 10_000;

/// As what a server is called: each of the two has a nonce of its own, also where they are one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::providers::bluesky) enum Side {
    /// The one that makes sessions.
    Issuer,
    /// The one that has the account.
    Account,
}

/// The last nonce of every server.
#[derive(Debug, Default)]
pub(in crate::providers::bluesky) struct Nonces(Mutex<HashMap<(Side, String), (String, Instant)>>);

impl Nonces {
    /// What to say to a server.
    pub(super) fn of(&self, side: Side, url: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(side, origin(url))).map(|(nonce, _)| nonce.clone())
    }

    /// Whether a server has told its nonce within this time.
    pub(in crate::providers::bluesky) fn is_known_for(&self, side: Side, url: &str, time: Duration) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(side, origin(url))).is_some_and(|(_, at)| at.elapsed() < time)
    }

    /// Remembers what a server says it wants from now on; returns it.
    pub(super) fn learn(&self, side: Side, url: &str, headers: &HeaderMap) -> Option<String> {
        let nonce = headers.get(DPOP_NONCE)?.to_str().ok()?;
        let fits =
            (1..=MAX_NONCE).contains(&nonce.len()) && nonce.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return None;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (side, origin(url));
        if known.len() >= MAX_SERVERS && !known.contains_key(&key) {
            known.clear();
        }
        known.insert(key, (nonce.to_owned(), Instant::now()));
        Some(nonce.to_owned())
    }
}

fn origin(url: &str) -> String {
    Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn told(nonce: &str) -> HeaderMap {
        HeaderMap::from_iter([(DPOP_NONCE, HeaderValue::from_str(nonce).unwrap())])
    }

    #[test]
    fn every_server_has_its_own_and_as_what_it_is_called() {
        let nonces = Nonces::default();
        let (pds, other) = ("https://pds.example/xrpc/a?b", "https://pds.example:8443/xrpc/a");
        assert_eq!(nonces.learn(Side::Account, pds, &told("n1")), Some("n1".into()));
        assert_eq!(nonces.of(Side::Account, "https://PDS.example/xrpc/c"), Some("n1".into()));
        assert_eq!(nonces.of(Side::Issuer, pds), None);
        assert_eq!(nonces.of(Side::Account, other), None);
        nonces.learn(Side::Account, pds, &told("n2"));
        assert_eq!(nonces.of(Side::Account, pds), Some("n2".into()));
        assert!(nonces.is_known_for(Side::Account, pds, Duration::from_secs(60)));
        assert!(!nonces.is_known_for(Side::Account, pds, Duration::ZERO));
        assert!(!nonces.is_known_for(Side::Account, other, Duration::from_secs(60)));
    }

    #[test]
    fn odd_ones_are_not_taken_and_few_servers_are_remembered() {
        let nonces = Nonces::default();
        let url = "https://a.example/";
        nonces.learn(Side::Issuer, url, &told("good"));
        for odd in ["", "a b", &"x".repeat(MAX_NONCE + 1)] {
            assert_eq!(nonces.learn(Side::Issuer, url, &told(odd)), None);
        }
        assert_eq!(nonces.learn(Side::Issuer, url, &HeaderMap::new()), None);
        assert_eq!(nonces.of(Side::Issuer, url), Some("good".into()));
        for server in 0..MAX_SERVERS + 5 {
            nonces.learn(Side::Issuer, &format!("https://s{server}.example/"), &told("n"));
        }
        assert!(nonces.0.lock().unwrap().len() <= MAX_SERVERS);
    }
}
