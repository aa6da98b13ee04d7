//! Webhooks that platforms send: one file per scheme, all of them data and pure functions. They never see a socket or the
//! database. (What Crier sends itself are alerts: `webhook.rs`.)
//!
//! A scheme says whether a delivery is the platform's own, answers its handshake, takes it apart by the accounts it is about,
//! and later says what such a part means.

mod discord;
mod endpoint;
mod ghost;
mod linkedin;
mod meta;
mod part;
mod sign;
mod slack;
mod telegram;
#[cfg(test)]
mod tests;
mod tiktok;
mod x;
mod youtube;

use axum::http::HeaderMap;
use secrecy::SecretString;
use serde_json::Value;

pub(crate) use endpoint::{Endpoint, Endpoints};
pub(crate) use part::Received;

/// Every scheme.
pub(crate) const ALL: [&Scheme; 11] = [
    &meta::FACEBOOK,
    &meta::INSTAGRAM,
    &meta::THREADS,
    &x::X,
    &linkedin::LINKEDIN,
    &tiktok::TIKTOK,
    &slack::SLACK,
    &discord::DISCORD,
    &telegram::TELEGRAM,
    &youtube::YOUTUBE,
    &ghost::GHOST,
];

/// How far the time of a signature may be from ours, in seconds.
const TOLERANCE: i64 = 5 * 60;
/// The most characters of a challenge that is sent back.
const MAX_CHALLENGE: usize = 512;

/// Answers a GET of a platform.
type Handshake = fn(&Query, &Keys) -> Result<Answer, Refusal>;

/// How a platform sends webhooks.
pub(crate) struct Scheme {
    pub(crate) platform: &'static str,
    /// What deliveries are, by their content type.
    pub(crate) media_types: &'static [&'static str],
    /// What is wrong with a line of the secrets' file, if anything is.
    pub(crate) check_secret: fn(&str) -> Option<&'static str>,
    /// Whether it needs a verify token.
    pub(crate) needs_token: bool,
    /// Whether a delivery is the platform's own.
    pub(crate) verify: fn(&Delivery<'_>, &Keys) -> Result<(), Refusal>,
    /// The answer to a GET, where the platform makes one.
    pub(crate) handshake: Option<Handshake>,
    /// The answer to a verified delivery that says nothing and is not kept.
    pub(crate) ping: fn(&Delivery<'_>) -> Option<Answer>,
    /// A verified delivery, taken apart.
    pub(crate) read: fn(&Delivery<'_>) -> Received,
    /// What a part of one means.
    pub(crate) interpret: fn(&Value) -> Findings,
    /// The status of the answer to what is stored.
    pub(crate) stored: u16,
}

/// A POST as it came.
pub(crate) struct Delivery<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// What tells the platform from others, and us from others.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Each is accepted; the first one answers challenges. There is one at least.
    pub(crate) secrets: Vec<SecretString>,
    pub(crate) verify_token: Option<SecretString>,
}

/// The parameters of a GET.
pub(crate) struct Query(Vec<(String, String)>);

/// An answer other than "stored".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 200 with this as plain text.
    Text(String),
    /// 200 with this JSON.
    Json(Value),
    /// A status and nothing else.
    Status(u16),
}

/// Why a request is not the platform's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// It has no signature.
    Unsigned,
    /// Its signature can't be read.
    Malformed,
    /// It is signed with another secret, or was changed.
    WrongSignature,
    /// It was signed too long ago, or will be.
    WrongTime,
    /// The verify token is another, or none is set.
    WrongToken,
    /// It is no handshake.
    NoHandshake,
}

/// What a part of a delivery means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// What it is about, as the platform calls it.
    pub(crate) kinds: Vec<String>,
    /// The account's grant was taken back: when, in seconds since 1970, as far as the platform tells.
    pub(crate) revoked: Option<Option<i64>>,
    /// Posts of which something is new, as the platform calls them.
    pub(crate) publish_ids: Vec<String>,
}

impl Scheme {
    pub(crate) fn find(platform: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|scheme| scheme.platform == platform)
    }
}

impl Refusal {
    /// For logs and for whoever sets an endpoint up. It tells nothing that the sender does not know.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unsigned => "it has no signature",
            Self::Malformed => "its signature can't be read",
            Self::WrongSignature => "its signature is wrong",
            Self::WrongTime => "it was signed too long ago, or one of the clocks is wrong",
            Self::WrongToken => "its verify token is wrong, or none is set here",
            Self::NoHandshake => "it is no handshake of this platform",
        }
    }
}

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = url::form_urlencoded::parse(query.as_bytes()).take(32);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What is to be sent back: nothing that a browser would take for more than text.
    fn challenge(&self, name: &str) -> Result<&str, Refusal> {
        let challenge = self.get(name).ok_or(Refusal::NoHandshake)?;
        let is_plain = challenge.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = (1..=MAX_CHALLENGE).contains(&challenge.len());
        if is_plain && fits { Ok(challenge) } else { Err(Refusal::NoHandshake) }
    }
}

impl Delivery<'_> {
    /// A header that has to be there, once.
    fn header(&self, name: &str) -> Result<&str, Refusal> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Err(Refusal::Unsigned),
            (Some(value), None) => value.to_str().map_err(|_| Refusal::Malformed),
            (Some(_), Some(_)) => Err(Refusal::Malformed),
        }
    }

    /// The media type of its body, without parameters, in lower case.
    pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
        let value = headers.get(axum::http::header::CONTENT_TYPE)?.to_str().ok()?;
        let media_type = value.split(';').next().unwrap_or_default().trim();
        (!media_type.is_empty()).then(|| media_type.to_ascii_lowercase())
    }

    /// Refuses a time that is too far from ours. Seconds since 1970.
    fn check_time(&self, signed: i64) -> Result<(), Refusal> {
        let apart = self.now.checked_sub(signed).and_then(i64::checked_abs);
        if apart.is_some_and(|apart| apart <= TOLERANCE) { Ok(()) } else { Err(Refusal::WrongTime) }
    }
}

impl Findings {
    /// Of one kind.
    fn kind(kind: impl Into<String>) -> Self {
        Self { kinds: vec![kind.into()], ..Self::default() }
    }

    /// The same with kinds that the database takes: a hundred different ones, short and without odd characters.
    pub(crate) fn tidy(mut self) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-:".contains(c) { c } else { '_' };
        let mut seen = std::collections::HashSet::new();
        self.kinds = std::mem::take(&mut self.kinds)
            .into_iter()
            .map(|kind| kind.chars().take(100).map(plain).collect::<String>())
            .filter(|kind| !kind.is_empty() && seen.insert(kind.clone()))
            .take(100)
            .collect();
        self.publish_ids.retain(|id| (1..=500).contains(&id.chars().count()) && !id.trim().is_empty());
        self.publish_ids.truncate(100);
        self
    }
}

/// For platforms whose secrets are any text.
fn any_secret(_: &str) -> Option<&'static str> {
    None
}

/// For platforms that send nothing but what they mean.
fn no_ping(_: &Delivery<'_>) -> Option<Answer> {
    None
}
