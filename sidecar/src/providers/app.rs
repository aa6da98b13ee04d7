//! What the operator sets for platforms: the apps registered with those whose tokens are only renewed for one, and the
//! service that processes videos for Bluesky.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::bluesky;

/// An app on a platform.
#[derive(Debug, Clone)]
pub struct App {
    /// Its id.
    pub client_id: String,
    /// Its secret, where it is one that can keep one.
    pub client_secret: Option<SecretString>,
}

/// Where a platform is reached, and in which version, where that is not as usual: a simulator, an address that has moved, a
/// version that has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// The base of its API, as accounts have it.
    pub server: Option<String>,
    /// The page that people are sent to.
    pub authorize_url: Option<String>,
    /// Where codes are exchanged, where that is not on the server.
    pub token_url: Option<String>,
    /// The version of its API.
    pub api_version: Option<String>,
}

/// What the operator has set for platforms: the apps, by the names of their platforms, and what else there is.
#[derive(Debug, Clone, Default)]
pub struct Apps {
    apps: BTreeMap<&'static str, App>,
    endpoints: BTreeMap<&'static str, Endpoints>,
    video_service: VideoService,
    bluesky: bluesky::Settings,
}

impl Apps {
    /// The app on a platform.
    pub fn get(&self, platform: &str) -> Option<&App> {
        self.apps.get(platform)
    }

    /// Other addresses of a platform than the usual ones.
    pub fn endpoints(&self, platform: &str) -> Endpoints {
        self.endpoints.get(platform).cloned().unwrap_or_default()
    }

    /// The same with other addresses of a platform.
    #[must_use]
    pub fn with_endpoints(mut self, platform: &'static str, endpoints: Endpoints) -> Self {
        self.endpoints.insert(platform, endpoints);
        self
    }

    /// What videos for Bluesky are processed by.
    pub fn video_service(&self) -> &VideoService {
        &self.video_service
    }

    /// By what accounts on Bluesky are connected.
    pub fn bluesky(&self) -> &bluesky::Settings {
        &self.bluesky
    }

    /// The same with other settings for Bluesky.
    #[must_use]
    pub fn with_bluesky(self, bluesky: bluesky::Settings) -> Self {
        Self { bluesky, ..self }
    }

    /// The same with another service for videos.
    #[must_use]
    pub fn with_video_service(self, video_service: VideoService) -> Self {
        Self { video_service, ..self }
    }
}

/// What the operator wants to have videos for Bluesky processed by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum VideoService {
    /// By Bluesky's service, those of accounts on its servers. The others go to their account's server.
    #[default]
    Usual,
    /// By nothing: all of them go to their account's server.
    None,
    /// By this one, whoever's account it is.
    At(String),
}

impl FromIterator<(&'static str, App)> for Apps {
    fn from_iter<T: IntoIterator<Item = (&'static str, App)>>(apps: T) -> Self {
        Self { apps: apps.into_iter().collect(), ..Self::default() }
    }
}
