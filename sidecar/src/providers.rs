//! Platforms. One folder or file each, and one line in [`REGISTRY`].
//!
//! A provider speaks to its platform and knows nothing of the database or the queue: the job
//! `publish_post` leads it through *prepare, commit, look*.

mod answer;
mod app;
mod bluesky;
mod charges;
mod code_flow;
mod connect;
mod devto;
mod discord;
mod facebook;
mod failure;
#[cfg(test)]
mod fake_server;
mod federated;
mod form_file;
#[cfg(test)]
mod golden;
mod graph;
#[cfg(test)]
mod hostile;
mod instagram;
mod key;
mod lemmy;
mod linkedin;
mod markdown;
mod mastodon;
mod misskey;
mod nostr;
mod oauth;
mod own_posts;
mod pinterest;
mod provider;
mod redact;
mod reddit;
#[cfg(test)]
mod script;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod served;
mod slack;
mod telegram;
mod threads;
mod tiktok;
#[cfg(test)]
mod told;
mod window;
mod wordpress;
mod words;
mod x;
mod youtube;

use std::collections::BTreeMap;
#[cfg(test)]
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

#[cfg(test)]
use async_trait::async_trait;
#[cfg(test)]
use serde_json::Value;

use crate::client::Client;
use crate::media::Fetcher;

pub(crate) use answer::{seconds_since_1970, since_1970};
pub use app::{App, Apps, Endpoints, VideoService};
pub use bluesky::Settings as BlueskySettings;
pub(crate) use bluesky::{ClientKeys, ENTRYWAY as HANDLE_RESOLVER, PLC_DIRECTORY, app as bluesky_app};
pub use charges::Charges;
pub use connect::{Ask, Begun, Callback, Connect, Granted, Kept, Reach};
pub(crate) use connect::{UNKNOWN_APP, WRONG_ACCOUNT, WRONG_ISSUER};
pub use failure::{Failure, Scope};
pub(crate) use provider::NoOthers;
pub use provider::{
    Account, Act, Caller, Done, Found, Frozen, Lifetime, Login, Metrics, Others, Post, Provider, Published,
    Sought,
};
use redact::Redacting;

/// What providers are made of.
struct Parts<'a> {
    client: &'a Client,
    fetcher: &'a Fetcher,
    apps: &'a Apps,
}

/// Makes the provider of a platform.
type Make = fn(&Parts<'_>) -> Arc<dyn Provider>;

/// The providers, one a line.
#[rustfmt::skip]
const REGISTRY: &[Make] = &[
    bluesky::provider,
    discord::provider,
    facebook::provider,
    instagram::provider,
    linkedin::provider,
    mastodon::provider,
    misskey::provider,
    pinterest::provider,
    nostr::provider,
    telegram::provider,
    slack::provider,
    threads::provider,
    tiktok::provider,
    devto::provider,
    lemmy::provider,
    reddit::provider,
    wordpress::provider,
    x::provider,
    youtube::provider,
];

/// Every platform this program can publish to.
#[derive(Clone)]
pub struct Providers(BTreeMap<&'static str, Arc<dyn Provider>>);

impl Providers {
    /// The registry.
    pub fn new(client: &Client, fetcher: &Fetcher, apps: &Apps) -> Self {
        let all = REGISTRY.iter().map(|make| {
            let client = client.of_a_platform();
            let provider = make(&Parts { client: &client, fetcher, apps });
            client.is_of(provider.platform().name);
            provider
        });
        let redacting = |provider: Arc<dyn Provider>| {
            let name = provider.platform().name;
            let provider: Arc<dyn Provider> = Arc::new(Redacting::new(provider, apps.get(name).cloned()));
            (name, provider)
        };
        Self(all.map(redacting).collect())
    }

    /// The provider of a platform.
    pub fn get(&self, platform: &str) -> Option<&Arc<dyn Provider>> {
        self.0.get(platform)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.0.values()
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// A look for what was sent where nothing else is known.
#[cfg(test)]
fn sought(frozen: &Frozen) -> Sought<'_> {
    Sought { frozen, drafted: None, others: &NoOthers }
}

/// A post without files, for a send of what was written down.
#[cfg(test)]
fn bare() -> Post {
    let (media, settings) = (Value::Array(vec![]), Value::Object(Default::default()));
    Post { content: String::new(), media, settings, attempt: 1, reply_to: None }
}

/// These posts are other targets'.
#[cfg(test)]
struct Theirs(&'static [&'static str]);

#[cfg(test)]
#[async_trait]
impl Others for Theirs {
    async fn have(&self, external_ids: Vec<String>) -> Result<HashSet<String>, Failure> {
        assert!(!external_ids.is_empty(), "a question about nothing");
        Ok(external_ids.into_iter().filter(|id| self.0.contains(&id.as_str())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_of_core_has_a_provider() {
        let providers = Providers::new(&Client::new().unwrap(), &Fetcher::new().unwrap(), &Apps::default());
        let names: Vec<_> = providers.iter().map(|provider| provider.platform().name).collect();
        let mut known: Vec<_> = crier_core::platform::ALL.iter().map(|platform| platform.name).collect();
        known.sort_unstable();
        assert_eq!(names, known);
    }
}
