//! The calls of the REST interface, and what its answers have in common.

use crier_core::platform::mastodon::is_id;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::classify::failure;
use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::answer::{self, Phase, is_address};
use crate::providers::{Failure, Published};

pub(super) const INSTANCE: &str = "api/v2/instance";
pub(super) const STATUSES: &str = "api/v1/statuses";

/// One server, as an account of it or as nobody.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    client: &'a Client,
    base_url: &'a str,
    token: Option<&'a SecretString>,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, base_url: &'a str, token: Option<&'a SecretString>) -> Self {
        Self { client, base_url, token }
    }

    /// A call, not yet sent.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, &format!("{}/{path}", self.base_url));
        self.token.into_iter().fold(request, bearer)
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        self.client.send(request).await
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, CallError> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Publishes these bytes under this key.
    pub(super) async fn publish(&self, key: &str, body: String) -> Result<Answer, CallError> {
        let request = self.request(Method::POST, STATUSES).header("Idempotency-Key", key);
        self.send(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    /// Whether the server answers as one of the interface.
    pub(super) async fn describe(&self) -> Result<(), Failure> {
        read::<IgnoredAny>(Phase::Read, self.get(INSTANCE).await).map(drop)
    }
}

/// The content of a success, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure)
}

/// An id. Mastodon writes numbers as texts, other servers have numbers or words; it goes into paths.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Value", into = "String")]
pub(super) struct Id(String);

impl Id {
    pub(super) fn parse(text: &str) -> Option<Self> {
        is_id(text).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Value> for Id {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let id = match value {
            Value::String(text) => Self::parse(&text),
            Value::Number(number) => number.as_u64().map(|number| Self(number.to_string())),
            _ => None,
        };
        id.ok_or("not an id")
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

/// A post as the server shows it, as far as it tells that there is one and where.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Shown {
    pub(super) id: Id,
    #[serde(default)]
    url: Value,
    #[serde(default)]
    uri: Value,
}

impl Shown {
    /// Nothing where it has no address: then it is not the answer of a server of this interface.
    pub(super) fn published(&self) -> Option<Published> {
        let url =
            [&self.url, &self.uri].into_iter().filter_map(Value::as_str).find(|text| is_address(text))?;
        Some(Published { external_id: self.id.0.clone(), url: url.to_owned(), cid: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_numbers_or_words() {
        let id = |value: Value| serde_json::from_value::<Id>(value).ok().map(String::from);
        assert_eq!(id(json!("109876543210987654")), Some("109876543210987654".into()));
        assert_eq!(id(json!(7)), Some("7".into()));
        assert_eq!(id(json!("01F8MH1H7YV1Z7D2C8K2730QBF")), Some("01F8MH1H7YV1Z7D2C8K2730QBF".into()));
        for odd in [
            json!(""),
            json!("a/b"),
            json!("1?x"),
            json!(".."),
            json!(-1),
            json!(1.5),
            json!(null),
            json!([1]),
        ] {
            assert_eq!(id(odd.clone()), None, "{odd}");
        }
        assert_eq!(id(json!("1".repeat(101))), None);
    }

    #[test]
    fn a_post_has_an_address() {
        let url = |shown: Value| {
            serde_json::from_value::<Shown>(shown)
                .ok()
                .and_then(|shown| shown.published())
                .map(|there| there.url)
        };
        let (page, object) = ("https://a.example/@b/1", "https://a.example/users/b/statuses/1");
        assert_eq!(url(json!({"id": 1, "url": page, "uri": object})), Some(page.into()));
        assert_eq!(url(json!({"id": "1", "url": null, "uri": object})), Some(object.into()));
        for odd in [
            json!({"id": 1}),
            json!({"id": 1, "url": 7, "uri": "tag:a.example,2026:1"}),
            json!({"id": 1, "url": "https://a.example/\n"}),
            json!({"id": 1, "url": "https://"}),
            json!({"url": page}),
            json!({"error": "no"}),
            json!([]),
        ] {
            assert_eq!(url(odd.clone()), None, "{odd}");
        }
    }
}
