//! What people have granted an app, on platforms that ask them.

use std::collections::HashMap;

/// The scopes, by the accounts. Who has pasted a token has granted everything.
#[derive(Default)]
pub(super) struct Rights(HashMap<String, Vec<String>>);

impl Rights {
    /// What a login has given.
    pub(super) fn grant(&mut self, account: &str, scopes: Vec<String>) {
        self.0.insert(account.to_owned(), scopes);
    }

    /// What the logins of an account have given, if there was one.
    pub(super) fn of(&self, account: &str) -> Option<&Vec<String>> {
        self.0.get(account)
    }

    /// Whether an account has granted a right.
    pub(super) fn has(&self, account: &str, right: &str) -> bool {
        self.of(account).is_none_or(|granted| granted.iter().any(|given| given == right))
    }
}
