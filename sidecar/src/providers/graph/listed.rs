//! What lists and posts have in common on all of Meta's platforms: times, texts, addresses.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use serde_json::Value;

use super::{Graph, plain};
use crate::providers::answer::{self, Phase, seconds_since_1970};
use crate::providers::{Failure, Published};

/// How long the address of a post is waited for.
const PERMALINK: Duration = Duration::from_secs(10);
/// The most characters of an address.
const MAX_URL: usize = 2_048;

/// A time of a list. The zone is written without the colon that RFC 3339 wants.
pub(in crate::providers) fn time(timestamp: &str) -> Result<SystemTime, Failure> {
    let utc = timestamp.strip_suffix("+0000").map(|time| format!("{time}Z"));
    let time = humantime::parse_rfc3339(utc.as_deref().unwrap_or(timestamp)).ok();
    time.filter(|time| *time >= SystemTime::UNIX_EPOCH)
        .ok_or_else(|| Failure::new(ErrorClass::Transient, "a list has an unknown form of time"))
}

/// The same in seconds since 1970.
pub(in crate::providers) fn seconds(timestamp: &str) -> Result<u64, Failure> {
    time(timestamp).map(seconds_since_1970)
}

/// Where the next page of a list begins. Addresses in answers carry the token and are not followed.
pub(in crate::providers) fn next(paging: &Value) -> Result<Option<String>, Failure> {
    if paging["next"].is_null() {
        return Ok(None);
    }
    let next = paging["cursors"]["after"].as_str().map(str::to_owned);
    let lost = || Failure::new(ErrorClass::Transient, "a list goes on and does not say where");
    next.ok_or_else(lost).map(Some)
}

/// Where people see a post, which the platform calls so. It is out: nothing waits long for that.
pub(in crate::providers) async fn permalink(server: &Graph<'_>, id: &str, name: &str) -> Option<String> {
    let query = [("fields", name)];
    let ask = server.get(id, &query);
    let answer = tokio::time::timeout(PERMALINK, ask).await.ok()?;
    let shown: Value = answer::read(Phase::Read, answer, plain).ok()?;
    shown[name].as_str().map(str::to_owned)
}

/// A post that is out. `otherwise`: what stands in the place of an address that is none.
pub(in crate::providers) fn published(
    external_id: String,
    url: Option<String>,
    otherwise: impl FnOnce() -> String,
) -> Published {
    let is_address = |url: &String| {
        url.starts_with("https://") && url.len() <= MAX_URL && url.bytes().all(|b| b.is_ascii_graphic())
    };
    Published { external_id, url: url.filter(is_address).unwrap_or_else(otherwise), cid: None }
}

/// The page of an account by its name, or the platform's own where that is no name.
pub(in crate::providers) fn page(begins: &str, handle: &str, ends: &str) -> String {
    let is_name = (1..=super::MAX_HANDLE).contains(&handle.len())
        && handle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
    if is_name { format!("{begins}{handle}{ends}") } else { begins.trim_end_matches('@').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_leads_to_the_account() {
        let page = |handle: &str| page("https://www.instagram.com/", handle, "/");
        let url =
            |handle: &str, url: Option<&str>| published("1".into(), url.map(Into::into), || page(handle)).url;
        assert_eq!(url("a", Some("https://www.instagram.com/p/x/")), "https://www.instagram.com/p/x/");
        for odd in [None, Some(""), Some("javascript:1"), Some("https://a b"), Some("https://a\0")] {
            assert_eq!(url("a.b_1", odd), "https://www.instagram.com/a.b_1/", "{odd:?}");
        }
        assert_eq!(url("a/../b", None), "https://www.instagram.com/");
    }
}
