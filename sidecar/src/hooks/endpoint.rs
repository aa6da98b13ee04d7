//! The endpoints that are configured.

use std::collections::BTreeMap;

use super::{Keys, Scheme};

/// An address that a platform sends webhooks to.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// `platform`, or `platform/name`: what is received here is known by it.
    pub(crate) source: String,
    pub(crate) scheme: &'static Scheme,
    pub(crate) keys: Keys,
    /// The account, as the platform calls it, that everything sent here is about.
    pub(crate) account: Option<String>,
}

/// All of them, by source.
#[derive(Debug, Default)]
pub(crate) struct Endpoints(BTreeMap<String, Endpoint>);

impl Endpoints {
    /// The one with this path below `/webhooks/`.
    pub(crate) fn get(&self, source: &str) -> Option<&Endpoint> {
        self.0.get(source)
    }

    /// Their sources.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromIterator<Endpoint> for Endpoints {
    fn from_iter<I: IntoIterator<Item = Endpoint>>(endpoints: I) -> Self {
        Self(endpoints.into_iter().map(|endpoint| (endpoint.source.clone(), endpoint)).collect())
    }
}

impl std::fmt::Debug for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scheme({})", self.platform)
    }
}
