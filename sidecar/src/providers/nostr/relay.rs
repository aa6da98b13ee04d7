//! Relays: what is said to them, and what their answers mean (NIP-01).

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;
use url::{Host, Url};

use super::event::Event;
use crate::client::{CALL, CallError};
use crate::providers::Failure;
use crate::providers::answer::{Phase, unclear};
use crate::websocket::{NoSocket, Socket};

/// What we call what we ask for.
const ASKED: &str = "crier";
/// The most messages that are read before an answer.
const MAX_MESSAGES: usize = 100;
/// How long a relay that has a limit is left alone: it doesn't say.
const LIMIT: Duration = Duration::from_secs(60);

/// The relays of an account, and those that a post names besides.
pub(super) struct Relays {
    addresses: Vec<String>,
    /// Only where the account itself is on this machine may others be.
    allow_loopback: bool,
}

impl Relays {
    /// The account's own first.
    pub(super) fn new(base_url: &str, others: &[String]) -> Self {
        let own = base_url.strip_prefix("http").map_or_else(String::new, |rest| format!("ws{rest}"));
        let mut addresses = vec![own];
        for other in others {
            let other = other.trim_end_matches('/').to_owned();
            if !addresses.contains(&other) {
                addresses.push(other);
            }
        }
        Self { addresses, allow_loopback: is_here(base_url) }
    }

    /// Those that were written down. The first is the account's own.
    pub(super) fn of(addresses: &[String]) -> Self {
        let own = addresses.first().and_then(|own| own.strip_prefix("ws"));
        let allow_loopback = own.is_some_and(|rest| is_here(&format!("http{rest}")));
        Self { addresses: addresses.to_vec(), allow_loopback }
    }

    pub(super) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Sends an event to all of them. Those that have it then; otherwise what went wrong.
    pub(super) async fn publish(&self, phase: Phase, event: &Event) -> Vec<Result<(), Failure>> {
        join_all(self.addresses.iter().map(|relay| self.in_time(phase, self.send(phase, relay, event)))).await
    }

    /// Asks all of them for an event.
    pub(super) async fn find(&self, id: &str) -> Vec<Result<Option<Event>, Failure>> {
        join_all(self.addresses.iter().map(|relay| self.in_time(Phase::Read, self.ask(relay, id)))).await
    }

    /// Refuses those that lead to what is inside. One that can't be found now is not refused.
    pub(super) async fn check(&self) -> Result<(), Failure> {
        for relay in &self.addresses {
            if let Some(why) = Socket::forbids(relay, self.allow_loopback).await {
                return Err(forbidden(&why));
            }
        }
        Ok(())
    }

    /// Whether the account's own can be connected to.
    pub(super) async fn reach(&self) -> Result<(), Failure> {
        match self.addresses.first() {
            Some(relay) => self.open(Phase::Read, relay).await.map(drop),
            None => Ok(()),
        }
    }

    async fn in_time<T>(
        &self,
        phase: Phase,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = |_| unclear(phase, &CallError::Unclear("the relay took too long".to_owned()));
        timeout(CALL, call).await.map_err(late)?
    }

    async fn open(&self, phase: Phase, relay: &str) -> Result<Socket, Failure> {
        Socket::connect(relay, self.allow_loopback).await.map_err(|error| match error {
            NoSocket::Forbidden(why) => forbidden(&why),
            NoSocket::Unreached(why) => unclear(phase, &CallError::NotSent(why)),
            NoSocket::Refused(status) => refused_to_connect(status),
        })
    }

    async fn send(&self, phase: Phase, relay: &str, event: &Event) -> Result<(), Failure> {
        let mut socket = self.open(phase, relay).await?;
        let unclear = |why: String| unclear(phase, &CallError::Unclear(why));
        socket.send(json!(["EVENT", event]).to_string()).await.map_err(unclear)?;
        for _ in 0..MAX_MESSAGES {
            let message = read(&socket.next().await.map_err(unclear)?).map_err(unclear)?;
            // One that refuses an event before it has read it may not say which: no other was sent.
            let is_ours = message[1] == event.id.as_str() || (message[1] == "" && message[2] == false);
            if message[0] == "OK" && is_ours {
                let why = message[3].as_str().unwrap_or_default();
                return match message[2].as_bool() {
                    Some(true) => Ok(()),
                    Some(false) if why.starts_with("duplicate:") => Ok(()),
                    Some(false) => Err(failure(phase, why, SystemTime::now())),
                    None => Err(unclear("the relay answered with something that can't be read".to_owned())),
                };
            }
        }
        Err(unclear("the relay says other things".to_owned()))
    }

    async fn ask(&self, relay: &str, id: &str) -> Result<Option<Event>, Failure> {
        let mut socket = self.open(Phase::Read, relay).await?;
        let unclear = |why: String| unclear(Phase::Read, &CallError::Unclear(why));
        let request = json!(["REQ", ASKED, { "ids": [id], "limit": 1 }]);
        socket.send(request.to_string()).await.map_err(unclear)?;
        for _ in 0..MAX_MESSAGES {
            let message = read(&socket.next().await.map_err(unclear)?).map_err(unclear)?;
            if message[1] != ASKED {
                continue; // a notice, or a challenge
            }
            match message[0].as_str() {
                Some("EVENT") if message[2]["id"] == id => {
                    let event = Event::read(&message[2]);
                    let forged = || unclear("the relay shows an event whose id is not its own".to_owned());
                    return event.map(Some).ok_or_else(forged);
                }
                Some("EOSE") => return Ok(None),
                Some("CLOSED") => {
                    let why = message[2].as_str().unwrap_or_default();
                    return Err(failure(Phase::Read, why, SystemTime::now()));
                }
                _ => {}
            }
        }
        Err(unclear("the relay says other things".to_owned()))
    }
}

fn forbidden(why: &str) -> Failure {
    Failure::new(ErrorClass::ContentInvalid, format!("the relay's address: {why}"))
}

fn is_here(base_url: &str) -> bool {
    match Url::parse(base_url).as_ref().ok().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// A message: a list that begins with what it is.
fn read(text: &str) -> Result<Value, String> {
    let message = serde_json::from_str(text).ok().filter(|message: &Value| message[0].is_string());
    message.ok_or_else(|| "the relay answered with something that can't be read".to_owned())
}

/// Nothing was sent.
fn refused_to_connect(status: u16) -> Failure {
    let class = match status {
        429 => ErrorClass::RateLimited,
        401 | 403 => ErrorClass::Permission,
        _ => ErrorClass::Transient,
    };
    let failure = Failure::new(class, format!("the relay refused the connection with {status}"));
    Failure { status: Some(status), retry_at: limit(class, SystemTime::now()), ..failure }
}

fn limit(class: ErrorClass, now: SystemTime) -> Option<SystemTime> {
    (class == ErrorClass::RateLimited).then(|| now + LIMIT)
}

/// What a relay means that doesn't take an event, or doesn't show any. What stands before the colon is for machines.
pub(super) fn failure(phase: Phase, why: &str, now: SystemTime) -> Failure {
    let (prefix, words) = why.split_once(':').unwrap_or(("", why));
    let class = match prefix {
        "invalid" | "pow" => ErrorClass::ContentInvalid,
        "rate-limited" => ErrorClass::RateLimited,
        // What went wrong there nobody knows, nor what is meant that is no word.
        "" | "error" => phase.not_clear(),
        other if !other.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') => phase.not_clear(),
        // blocked, restricted, auth-required, mute, and words of its own
        _ => ErrorClass::Permission,
    };
    // An event that waited for too long: one of now is as good, where this one never was anywhere.
    let is_late = prefix == "invalid"
        && ["created_at", "too old", "too far", "timestamp"].iter().any(|word| words.contains(word));
    let message = if why.is_empty() { "the relay gives no reason" } else { why };
    Failure {
        code: Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()),
        retry_at: limit(class, now),
        draft_again: is_late && phase == Phase::Commit,
        ..Failure::new(class, message)
    }
}
