//! The post that is answered, as the account's own server calls it.

use crier_core::error_class::ErrorClass;
use crier_core::platform::mastodon::{PostRef, post_ref};
use serde::Deserialize;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::api::{Api, Id, read};
use crate::providers::Failure;
use crate::providers::answer::Phase;

/// What the server knows under an address.
#[derive(Deserialize)]
struct Known {
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    id: Id,
    #[serde(default)]
    url: Value,
    #[serde(default)]
    uri: Value,
}

/// An id stands for itself, and so does the end of an address of the server. For a post elsewhere the server is asked,
/// which fetches it.
pub(super) async fn find(server: &Api<'_>, base_url: &str, answered: &str) -> Result<Id, Failure> {
    let address = match post_ref(answered) {
        Some(PostRef::Id(id)) => return Id::parse(id).ok_or_else(unreadable),
        Some(PostRef::Address(address)) => address,
        None => return Err(unreadable()),
    };
    if let Some(id) = own_id(base_url, address) {
        return Ok(id);
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("q", address), ("type", "statuses"), ("resolve", "true"), ("limit", "1")])
        .finish();
    let known: Known = read(Phase::Prepare, server.get(&format!("api/v2/search?{query}")).await)?;
    let is = |status: &Status| [&status.url, &status.uri].iter().any(|known| known.as_str() == Some(address));
    known.statuses.into_iter().find(is).map(|status| status.id).ok_or_else(|| {
        let message = "the account's server knows no post under the address that is answered";
        Failure::new(ErrorClass::TargetMissing, message)
    })
}

/// The id at the end of an address of the account's own server.
fn own_id(base_url: &str, address: &str) -> Option<Id> {
    let (base, address) = (Url::parse(base_url).ok()?, Url::parse(address).ok()?);
    let id = address.path_segments()?.next_back()?;
    (base.origin() == address.origin()).then(|| Id::parse(id)).flatten()
}

fn unreadable() -> Failure {
    Failure::new(ErrorClass::ContentInvalid, "what is answered is no post on mastodon")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_own_server_ends_with_the_id() {
        let id = |address: &str| own_id("https://a.example/mastodon", address).map(String::from);
        assert_eq!(id("https://a.example/@bob/115"), Some("115".into()));
        assert_eq!(id("https://a.example/@bob@b.example/115?x=1"), Some("115".into()));
        for other in ["https://b.example/@bob/115", "http://a.example/@bob/115", "https://a.example/@bob/"] {
            assert_eq!(id(other), None, "{other}");
        }
    }
}
