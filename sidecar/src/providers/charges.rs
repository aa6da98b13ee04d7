//! What a job's calls are charged for, where a platform charges. The database has the prices.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crier_core::platform::Platform;
use serde_json::{Value, json};

use crate::client::{Answer, CallError};

/// How often each charge of the account's platform fell due during one job. Copies count together. Of a platform that charges
/// for nothing nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Charges(Arc<Mutex<Option<BTreeMap<&'static str, u64>>>>);

impl Charges {
    /// For a platform that charges: that nothing was charged is then said too.
    pub(crate) fn begin(&self, platform: &Platform) {
        if !platform.charges.is_empty() {
            self.counts().get_or_insert_default();
        }
    }

    /// Counts some.
    pub(super) fn add(&self, charge: &'static str, times: u64) {
        let mut counts = self.counts();
        let count = counts.get_or_insert_default().entry(charge).or_default();
        *count = count.saturating_add(times);
    }

    /// Counts a call that may have been charged for: all but those that were refused or never sent.
    pub(super) fn add_call(&self, charge: &'static str, answer: &Result<Answer, CallError>) {
        let is_free = match answer {
            Ok(answer) => (400..500).contains(&answer.status),
            Err(CallError::NotSent(_)) => true,
            Err(CallError::Unclear(_)) => false,
        };
        if !is_free {
            self.add(charge, 1);
        }
    }

    /// Puts them into what is said of the job.
    pub(crate) fn state_in(&self, details: &mut Value) {
        if let (Some(counts), Value::Object(fields)) = (&*self.counts(), details) {
            fields.insert("charges".to_owned(), json!(counts));
        }
    }

    fn counts(&self) -> MutexGuard<'_, Option<BTreeMap<&'static str, u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crier_core::platform::{mastodon, x};

    use super::super::answer::fixtures;
    use super::*;

    fn stated(charges: &Charges) -> Value {
        let mut details = json!({});
        charges.state_in(&mut details);
        details
    }

    #[test]
    fn calls_count_unless_they_certainly_were_not_charged() {
        let charges = Charges::default();
        let copy = charges.clone();
        for status in [201, 500, 503] {
            copy.add_call("post", &Ok(fixtures::answer(status, &[], "")));
        }
        copy.add_call("post", &Err(CallError::Unclear("reset".into())));
        for status in [400, 403, 429] {
            copy.add_call("post", &Ok(fixtures::answer(status, &[], "")));
        }
        copy.add_call("post", &Err(CallError::NotSent("no such host".into())));
        copy.add("read", 3);
        assert_eq!(stated(&charges), json!({ "charges": { "post": 4, "read": 3 } }));
    }

    #[test]
    fn that_nothing_was_charged_is_said_where_something_could_have_been() {
        let (charged, free) = (Charges::default(), Charges::default());
        charged.begin(&x::PLATFORM);
        free.begin(&mastodon::PLATFORM);
        assert_eq!((stated(&charged), stated(&free)), (json!({ "charges": {} }), json!({})));
    }
}
