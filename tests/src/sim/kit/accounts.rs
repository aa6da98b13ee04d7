//! Who is on a platform.

use std::collections::BTreeMap;

/// Names by ids.
#[derive(Debug, Default)]
pub struct Accounts(BTreeMap<String, String>);

impl Accounts {
    /// Adds an account.
    pub(super) fn add(&mut self, id: &str, handle: &str) {
        self.0.insert(id.to_owned(), handle.to_owned());
    }

    /// The id of a name.
    pub fn id_of(&self, handle: &str) -> Option<&str> {
        self.0.iter().find(|(_, name)| *name == handle).map(|(id, _)| id.as_str())
    }

    /// All of them: id and name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(id, handle)| (id.as_str(), handle.as_str()))
    }

    /// The name of an id; empty where there is none.
    pub fn handle_of(&self, id: &str) -> &str {
        self.0.get(id).map_or("", String::as_str)
    }
}
