//! What answers of all platforms have in common: what an unclear one means in each phase, and how long a limit lasts.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use reqwest::header::RETRY_AFTER;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Failure, Published};
use crate::client::{Answer, CallError};

/// A limit without a time.
const DEFAULT_WAIT: Duration = Duration::from_secs(5 * 60);
/// No limit is believed that asks for less or more.
const MIN_WAIT: Duration = Duration::from_secs(1);
pub(super) const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The most characters of an address.
const MAX_ADDRESS: usize = 2_048;

/// How long one piece of preparation may take, all its calls together. The longest is a video that comes at once and goes in
/// segments.
const PIECE: Duration = Duration::from_secs(10 * 60);

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Opening a session.
    Login,
    /// Renewing it: a refused token is the end of the session here.
    Refresh,
    /// Something that can be repeated.
    Prepare,
    /// Looking.
    Read,
    /// Publishing: no clear answer means that nobody knows.
    Commit,
}

impl Phase {
    /// What it means that nobody can say what happened: that there is a post, or that the refresh token is used up.
    pub(super) fn not_clear(self) -> ErrorClass {
        match self {
            Self::Commit | Self::Refresh => ErrorClass::OutcomeUnknown,
            Self::Login | Self::Prepare | Self::Read => ErrorClass::Transient,
        }
    }

    /// What it means that a token is not accepted.
    pub(super) fn unauthorized(self) -> ErrorClass {
        match self {
            Self::Login | Self::Refresh => ErrorClass::AuthRevoked,
            Self::Prepare | Self::Read | Self::Commit => ErrorClass::AuthExpired,
        }
    }
}

/// A call without an answer.
pub(super) fn unclear(phase: Phase, error: &CallError) -> Failure {
    match error {
        CallError::NotSent(text) => {
            Failure::new(ErrorClass::Transient, format!("the server was not reached: {text}"))
        }
        CallError::Unclear(text) => Failure::new(phase.not_clear(), format!("no clear answer: {text}")),
    }
}

/// The content of a success, or what the failure means in this phase, in the platform's own words.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
    failure: impl FnOnce(Phase, &Answer, SystemTime) -> Failure,
) -> Result<T, Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    if !(200..=202).contains(&answer.status) {
        return Err(failure(phase, &answer, SystemTime::now()));
    }
    content(phase, &answer)
}

/// The content of a success.
pub(super) fn content<T: DeserializeOwned>(phase: Phase, answer: &Answer) -> Result<T, Failure> {
    // What the parser says could quote the content, and the content could be a token.
    serde_json::from_slice(&answer.body).map_err(|_| {
        let text = format!("the server answered {} with something that can't be read", answer.status);
        Failure { status: Some(answer.status), ..unclear(phase, &CallError::Unclear(text)) }
    })
}

/// What has to be an object. The parser takes a list too for the fields of a struct, in their order: a list that says anything would
/// be a token.
pub(super) struct Fields<T>(pub(super) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfMap(PhantomData)).map(Self)
    }
}

struct OfMap<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for OfMap<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

/// A piece of preparation, within its time.
pub(super) async fn in_time<T>(piece: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |_| Failure::new(ErrorClass::Transient, "the preparation of the post took too long");
    tokio::time::timeout(PIECE, piece).await.map_err(late)?
}

/// When a limit ends. `Retry-After` is in seconds from now or a date; `reset` is what the platform's own headers tell. The
/// later one counts, within bounds: a server's clock or code may be wrong.
pub(super) fn retry_at(answer: &Answer, reset: Option<SystemTime>, now: SystemTime) -> SystemTime {
    let after = answer.headers.get_all(RETRY_AFTER).iter().filter_map(|value| {
        let text = value.to_str().ok()?.trim();
        match text.parse::<u64>() {
            Ok(seconds) => Some(now + Duration::from_secs(seconds).min(MAX_WAIT)),
            Err(_) => httpdate::parse_http_date(text).ok(),
        }
    });
    let asked = reset.into_iter().chain(after).max();
    asked.unwrap_or(now + DEFAULT_WAIT).clamp(now + MIN_WAIT, now + MAX_WAIT)
}

/// A refusal in the platform's words, if it has any. What is limited waits, and so does what is away and says when it will be
/// back.
pub(super) fn refused(
    answer: &Answer,
    class: ErrorClass,
    code: &str,
    message: &str,
    now: SystemTime,
) -> Failure {
    let is_named = class == ErrorClass::Transient && answer.headers.contains_key(RETRY_AFTER);
    let waits = class == ErrorClass::RateLimited || is_named;
    let message = match message {
        "" => format!("the server answered {}", answer.status),
        message => message.to_owned(),
    };
    Failure {
        status: Some(answer.status),
        code: Some(code.to_owned()).filter(|code| !code.is_empty()),
        retry_at: waits.then(|| retry_at(answer, None, now)),
        ..Failure::new(class, message)
    }
}

/// Whether it is an address that people can follow.
pub(super) fn is_address(text: &str) -> bool {
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    host.is_some_and(|host| !host.is_empty())
        && text.len() <= MAX_ADDRESS
        && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A post that a server says it has. One without an address is not the answer of the interface.
pub(super) fn there(external_id: String, url: String) -> Result<Published, Failure> {
    if is_address(&url) {
        return Ok(Published { external_id, url, cid: None });
    }
    let message = "the server answered with a post that has no address";
    Err(Failure { status: Some(200), ..Failure::new(ErrorClass::OutcomeUnknown, message) })
}

/// A time that a platform gives in seconds since 1970.
pub(crate) fn since_1970(seconds: u64) -> SystemTime {
    // Far beyond any bound, but not beyond what the type can hold.
    UNIX_EPOCH + Duration::from_secs(seconds.min(1 << 36))
}

/// A time as servers write it, in UTC.
pub(super) fn time(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let utc = ["Z", "z", "+00:00", "-00:00"].iter().find_map(|zone| text.strip_suffix(zone)).unwrap_or(text);
    humantime::parse_rfc3339_weak(utc).ok()
}

/// A time in whole seconds since 1970; 0 before that.
pub(crate) fn seconds_since_1970(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Recorded answers: `tests/fixtures/<platform>/*.json`.
#[cfg(test)]
pub(super) mod fixtures {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::Value;

    use super::*;

    /// The time at which every fixture was recorded.
    pub(crate) fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }

    pub(crate) fn answer(status: u16, headers: &[(String, String)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        Answer { status, headers: map, body: body.as_bytes().to_vec().into() }
    }

    fn phase(name: &str) -> Phase {
        match name {
            "login" => Phase::Login,
            "refresh" => Phase::Refresh,
            "prepare" => Phase::Prepare,
            "read" => Phase::Read,
            "commit" => Phase::Commit,
            other => panic!("{other}"),
        }
    }

    /// Checks that each answer of a platform has the class that its fixture gives for each phase; how many there were.
    pub(crate) fn check(platform: &str, failure: impl Fn(Phase, &Answer, SystemTime) -> Failure) -> usize {
        let folder = format!("{}/../tests/fixtures/{platform}", env!("CARGO_MANIFEST_DIR"));
        let mut checked = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let fixture: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let Some(classes) = fixture["classes"].as_object() else { continue };
            let headers: Vec<_> = fixture["headers"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect();
            let body = match &fixture["body"] {
                Value::String(text) => text.clone(),
                json => json.to_string(),
            };
            let status = fixture["status"].as_u64().unwrap().try_into().unwrap();
            let answer = answer(status, &headers, &body);
            for (name, class) in classes {
                let failure = failure(phase(name), &answer, now());
                assert_eq!(failure.class.as_str(), class.as_str().unwrap(), "{} {name}", path.display());
                let wait = failure.retry_at.map(|at| at.duration_since(now()).unwrap().as_secs());
                assert_eq!(wait, fixture["retry_after"].as_u64(), "{} {name}", path.display());
                checked += 1;
            }
        }
        checked
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::{answer, now};
    use super::*;

    #[test]
    fn no_time_is_believed_that_is_out_of_bounds() {
        for (header, reset, seconds) in [
            (Some("0"), None, 1),
            (Some("99999999999999"), None, 86_400),
            (Some("-5"), None, 300),
            (Some("Wed, 18 Nov 2026 11:06:39 GMT"), None, 1),
            (None, Some(1_794_999_999), 1),
            (None, Some(0), 1),
            (None, Some(u64::MAX), 86_400),
            (None, Some(1_795_000_060), 60),
            (Some("90"), Some(1_795_000_060), 90),
            (None, None, 300),
        ] {
            let headers: Vec<_> =
                header.iter().map(|value| ("retry-after".into(), (*value).into())).collect();
            let at = retry_at(&answer(429, &headers, ""), reset.map(since_1970), now());
            assert_eq!(at, now() + Duration::from_secs(seconds), "{header:?}, {reset:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_piece_that_never_ends_is_tried_again() {
        let failure = in_time(std::future::pending::<Result<(), Failure>>()).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Transient);
    }

    #[test]
    fn an_address_can_be_followed() {
        for good in ["https://a.example/x", "http://127.0.0.1:8080/?p=7&x=1"] {
            assert!(is_address(good) && there("1".into(), good.into()).is_ok(), "{good}");
        }
        let long = format!("https://{}", "a".repeat(MAX_ADDRESS));
        for odd in
            ["", "https://", "javascript:x", "https://a b", "https://a/\n", "/x", "https://ä.example", &long]
        {
            let failure = there("1".into(), odd.into()).unwrap_err();
            assert_eq!(failure.class, ErrorClass::OutcomeUnknown, "{odd}");
        }
    }

    #[test]
    fn nothing_sent_is_transient_even_while_publishing() {
        let not_sent = unclear(Phase::Commit, &CallError::NotSent("refused".into()));
        assert_eq!(not_sent.class, ErrorClass::Transient);
        let cut = CallError::Unclear("reset".into());
        assert_eq!(unclear(Phase::Commit, &cut).class, ErrorClass::OutcomeUnknown);
        assert_eq!(unclear(Phase::Refresh, &cut).class, ErrorClass::OutcomeUnknown);
        assert_eq!(unclear(Phase::Prepare, &cut).class, ErrorClass::Transient);
    }

    #[test]
    fn a_success_that_can_not_be_read_is_unclear_and_quotes_nothing() {
        let refused = |_: Phase, _: &Answer, _: SystemTime| unreachable!("a success");
        for body in ["", "{", "<html>", "[]", "{\"id\": \"canary\"}", "\u{0}"] {
            let read: Result<u64, _> = read(Phase::Commit, Ok(answer(200, &[], body)), refused);
            let failure = read.expect_err(body);
            assert_eq!((failure.class, failure.status), (ErrorClass::OutcomeUnknown, Some(200)));
            assert!(!failure.message.contains("canary"), "{failure}");
        }
    }
}
