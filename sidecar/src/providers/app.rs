//! The apps that the operator has registered with platforms whose tokens are only renewed for one.

use std::collections::BTreeMap;

use secrecy::SecretString;

/// An app on a platform.
#[derive(Debug, Clone)]
pub struct App {
    /// Its id.
    pub client_id: String,
    /// Its secret, where it is one that can keep one.
    pub client_secret: Option<SecretString>,
}

/// The apps, by the names of their platforms.
#[derive(Debug, Clone, Default)]
pub struct Apps(BTreeMap<&'static str, App>);

impl Apps {
    /// The app on a platform.
    pub fn get(&self, platform: &str) -> Option<&App> {
        self.0.get(platform)
    }
}

impl FromIterator<(&'static str, App)> for Apps {
    fn from_iter<T: IntoIterator<Item = (&'static str, App)>>(apps: T) -> Self {
        Self(apps.into_iter().collect())
    }
}
