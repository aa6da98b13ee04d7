//! What is counted of every call: how many an account has left, and what it costs.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::Response;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::unix;

// prices in millionths of a dollar
pub(super) const POST: u64 = 15_000;
pub(super) const POST_WITH_LINK: u64 = 200_000;
pub(super) const READ: u64 = 5_000;
pub(super) const OWN_READ: u64 = 1_000;

/// Counts by account and call.
#[derive(Default)]
pub(super) struct Meter {
    windows: BTreeMap<(String, &'static str), Window>,
    /// Millionths of a dollar.
    spent: BTreeMap<(String, &'static str), u64>,
}

struct Window {
    used: u64,
    ends: SystemTime,
}

/// How a limit stands, as the headers state it.
pub(super) struct Limit {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    pub(super) reset: SystemTime,
}

impl Limit {
    pub(super) fn state_in(&self, mut answer: Response<Bytes>) -> Response<Bytes> {
        // whole seconds, never before the limit ends
        let reset = unix(self.reset + Duration::from_millis(999));
        let headers = answer.headers_mut();
        headers.insert("x-rate-limit-limit", HeaderValue::from(self.limit));
        headers.insert("x-rate-limit-remaining", HeaderValue::from(self.remaining));
        headers.insert("x-rate-limit-reset", HeaderValue::from(reset));
        answer
    }
}

impl Meter {
    /// Takes one call of a limit; the answer says whether there was one left.
    pub(super) fn take(
        &mut self,
        handle: &str,
        call: &'static str,
        limit: u64,
        length: Duration,
    ) -> (bool, Limit) {
        let now = SystemTime::now();
        let fresh = || Window { used: 0, ends: now + length };
        let window = self.windows.entry((handle.to_owned(), call)).or_insert_with(fresh);
        if window.ends <= now {
            *window = fresh();
        }
        let left = window.used < limit;
        window.used += u64::from(left);
        (left, Limit { limit, remaining: limit.saturating_sub(window.used), reset: window.ends })
    }

    pub(super) fn charge(&mut self, handle: &str, call: &'static str, price: u64) {
        *self.spent.entry((handle.to_owned(), call)).or_default() += price;
    }

    pub(super) fn figures(&self) -> Value {
        let spent = self
            .spent
            .iter()
            .map(|((handle, call), price)| json!({"account": handle, "call": call, "microdollars": price}));
        json!({"microdollars": self.spent.values().sum::<u64>(), "spent": spent.collect::<Vec<_>>()})
    }
}
