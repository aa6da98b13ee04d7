//! What can be done before a post is out: make its containers and wait until Meta has fetched the media.
//!
//! One piece at a time, so that what is done is kept when the next piece fails.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::classify::{by_number, is_gone, read};
use super::{Containers, Plan, Shown, State, make, settled, state};
use crate::providers::answer::{Phase, seconds_since_1970};
use crate::providers::graph::Graph;
use crate::providers::{Account, Failure, Post};

/// How long a piece waits for Meta to process a video: as long as its documents say that it may take. A wait holds
/// up no other account, and a try that gave up sooner would use up the attempts of every longer video.
const PROCESSING: Duration = Duration::from_secs(5 * 60);
/// When the next try waits on.
const PROCESSING_AGAIN: Duration = Duration::from_secs(60);
/// Containers end after a day; older than this they are not begun with.
const MAX_AGE: u64 = 20 * 60 * 60;
/// A day's quota is of any 24 hours: it is asked for again after an hour.
const QUOTA_AGAIN: Duration = Duration::from_secs(60 * 60);

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// Whether the account had room in its quota.
    #[serde(default)]
    has_room: bool,
    /// The parts of a carousel, in their order.
    #[serde(default)]
    parts: Vec<Container>,
    /// What is published.
    #[serde(default)]
    whole: Option<Container>,
    /// How often it was begun anew.
    #[serde(default)]
    restarts: i32,
}

/// A container that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Container {
    id: String,
    /// When, in seconds since 1970.
    made_at: u64,
    #[serde(default)]
    is_ready: bool,
}

impl Prepared {
    /// The container that is to be published, once it can be.
    pub(super) fn ready(&self) -> Option<&str> {
        self.whole.as_ref().filter(|whole| whole.is_ready).map(|whole| whole.id.as_str())
    }

    fn containers(&self) -> impl Iterator<Item = &Container> {
        self.parts.iter().chain(&self.whole)
    }

    /// The first container whose media are not there yet.
    fn unfetched(&self) -> Option<String> {
        self.containers().find(|one| !one.is_ready).map(|one| one.id.clone())
    }

    fn is_fetched(&mut self, id: &str) {
        let all = self.parts.iter_mut().chain(&mut self.whole);
        all.filter(|one| one.id == id).for_each(|one| one.is_ready = true);
    }

    /// Begins anew after this failure, if this try has not done so before.
    fn restarted(self, attempt: i32, failure: Failure) -> Result<Self, Failure> {
        let restarts = self.restarts + 1;
        if restarts > attempt {
            Err(failure)
        } else {
            Ok(Self { has_room: true, restarts, ..Self::default() })
        }
    }
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// Does the next piece; `None` when there is none.
pub(in crate::providers) async fn step(
    server: &Graph<'_>,
    account: &Account,
    kind: &Containers,
    post: &Post,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    let mut prepared = parse(prepared);
    let now = seconds_since_1970(SystemTime::now());
    let is_old = prepared.containers().any(|one| now.saturating_sub(one.made_at) > MAX_AGE);
    if is_old && !is_out(server, kind, &prepared).await? {
        prepared = Prepared::default();
    }
    let Plan { parts, mut whole, shown } = (kind.plan)(post)?;
    let made = |id| Container { id, made_at: now, is_ready: false };
    if !prepared.has_room {
        has_room(server, account, kind, shown).await?;
        prepared.has_room = true;
    } else if let Some(part) = parts.get(prepared.parts.len()) {
        prepared.parts.push(made(make(server, account, kind, part).await?));
    } else if let Some(id) = prepared.unfetched() {
        prepared = fetched(server, prepared, (kind, &id), post.attempt).await?;
    } else if prepared.whole.is_none() {
        if !prepared.parts.is_empty() {
            let ids: Vec<_> = prepared.parts.iter().map(|part| part.id.as_str()).collect();
            whole.push(("children", ids.join(",")));
        }
        match make(server, account, kind, &whole).await {
            Ok(id) => prepared.whole = Some(made(id)),
            Err(failure) if is_gone(&failure) => prepared = prepared.restarted(post.attempt, failure)?,
            Err(failure) => return Err(failure),
        }
    } else {
        return Ok(None);
    }
    Ok(Some(json!(prepared)))
}

/// Whether what was prepared is published already: by an earlier try, which the database has lost in a failover.
async fn is_out(server: &Graph<'_>, kind: &Containers, prepared: &Prepared) -> Result<bool, Failure> {
    let Some(whole) = &prepared.whole else { return Ok(false) };
    Ok(state(server, Phase::Prepare, kind, &whole.id).await? == State::Published)
}

/// Waits for a container. One that came to nothing by no fault of the post is made again, with all the others.
async fn fetched(
    server: &Graph<'_>,
    mut prepared: Prepared,
    (kind, id): (&Containers, &str),
    attempt: i32,
) -> Result<Prepared, Failure> {
    match settled(server, Phase::Prepare, (kind, id), PROCESSING).await? {
        // See `is_out`: the commit finds out.
        State::Finished | State::Published => prepared.is_fetched(id),
        State::InProgress => return Err(in_progress(kind)),
        state => match failed(kind.platform, &state) {
            failure if failure.class == ErrorClass::Transient => {
                prepared = prepared.restarted(attempt, failure)?;
            }
            failure => return Err(failure),
        },
    }
    Ok(prepared)
}

fn in_progress(kind: &Containers) -> Failure {
    let message = format!("{} has not finished to process the media yet", kind.platform);
    Failure {
        retry_at: Some(SystemTime::now() + PROCESSING_AGAIN),
        ..Failure::new(ErrorClass::Transient, message)
    }
}

/// Why a container came to nothing. On Instagram the state names a number of the same kind as errors have, on Threads a word.
fn failed(platform: &str, state: &State) -> Failure {
    let State::Failed(why) = state else {
        return Failure::new(ErrorClass::Transient, "a container has expired before it was published");
    };
    let number =
        why.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).next_back();
    let told = number.and_then(|number| by_number(Phase::Prepare, number));
    let invalid = why.starts_with("INVALID_").then_some(ErrorClass::ContentInvalid);
    let class = told.or(invalid).unwrap_or(ErrorClass::Transient);
    let code = number.map(|number| number.to_string());
    let message = match why.as_str() {
        "" => format!("{platform} could not process the media"),
        why => why.to_owned(),
    };
    Failure { code, ..Failure::new(class, message) }
}

/// Asks whether the account may publish now: a container that waits for its quota after it was sent would expire.
async fn has_room(
    server: &Graph<'_>,
    account: &Account,
    kind: &Containers,
    shown: Shown,
) -> Result<(), Failure> {
    let path = format!("{}/{}", account.external_id, kind.quota);
    let fields = match shown {
        Shown::Reply => ["reply_quota_usage", "reply_config"],
        Shown::Feed | Shown::Story => ["quota_usage", "config"],
    };
    let answer = server.get(&path, &[("fields", &fields.join(","))]).await;
    match read::<Value>(Phase::Prepare, answer) {
        Ok(limit) if is_used_up(&limit, fields) => Err(Failure {
            retry_at: Some(SystemTime::now() + QUOTA_AGAIN),
            ..Failure::new(
                ErrorClass::QuotaExhausted,
                "the account has published as much as it may in 24 hours",
            )
        }),
        Err(failure)
            if matches!(
                failure.class,
                ErrorClass::AuthExpired | ErrorClass::AuthRevoked | ErrorClass::RateLimited
            ) =>
        {
            Err(failure)
        }
        // A post is not lost over a question: the publish itself is refused where there is no room.
        _ => Ok(()),
    }
}

fn is_used_up(limit: &Value, [usage, config]: [&str; 2]) -> bool {
    let of = &limit["data"][0];
    let total = of[config]["quota_total"].as_u64();
    of[usage].as_u64().zip(total).is_some_and(|(used, total)| used >= total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let whole = Container { id: "1".into(), made_at: 7, is_ready: true };
        let prepared = Prepared { has_room: true, whole: Some(whole.clone()), ..Prepared::default() };
        assert_eq!(parse(&json!(prepared)), prepared);
        assert_eq!(prepared.ready(), Some("1"));
        let waits = Prepared { whole: Some(Container { is_ready: false, ..whole }), ..Prepared::default() };
        assert_eq!(waits.ready(), None);
        for odd in [Value::Null, json!([1]), json!({ "parts": 1 }), json!({ "whole": { "id": 7 } })] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }

    #[test]
    fn a_failed_container_says_why() {
        for (why, class, code) in [
            ("Error: Media upload has failed with error code 2207026", ErrorClass::ContentInvalid, "2207026"),
            ("Error: Media upload has failed with error code 2207053", ErrorClass::Transient, "2207053"),
            ("Error: Media upload has failed with error code 2207050", ErrorClass::PolicyBlocked, "2207050"),
            ("2 of 3: 99999999999999999999", ErrorClass::Transient, "3"),
        ] {
            let failure = failed("x", &State::Failed(why.into()));
            assert_eq!((failure.class, failure.code.as_deref()), (class, Some(code)), "{why}");
        }
        for (state, class) in [
            (State::Failed(String::new()), ErrorClass::Transient),
            (State::Failed("FAILED_DOWNLOADING_VIDEO".into()), ErrorClass::Transient),
            (State::Failed("INVALID_DURATION".into()), ErrorClass::ContentInvalid),
            (State::Gone, ErrorClass::Transient),
        ] {
            assert_eq!(failed("x", &state).class, class, "{state:?}");
        }
    }

    #[test]
    fn every_try_begins_anew_once() {
        let prepared = Prepared { parts: vec![], ..Prepared::default() };
        let failure = || failed("x", &State::Gone);
        let first = prepared.restarted(1, failure()).unwrap();
        assert_eq!((first.has_room, first.restarts), (true, 1));
        assert_eq!(first.clone().restarted(1, failure()), Err(failure()));
        assert_eq!(first.restarted(2, failure()).unwrap().restarts, 2);
    }

    #[test]
    fn a_quota_is_used_up_when_it_is_said_to_be() {
        let is_used_up = |limit: &Value| is_used_up(limit, ["quota_usage", "config"]);
        let limit = |used: Value, total: Value| json!({ "data": [{ "quota_usage": used, "config": { "quota_total": total } }] });
        assert!(is_used_up(&limit(json!(50), json!(50))));
        assert!(!is_used_up(&limit(json!(49), json!(50))));
        for odd in
            [json!(null), json!({ "data": {} }), limit(json!("50"), json!(50)), limit(json!(1), json!(null))]
        {
            assert!(!is_used_up(&odd), "{odd}");
        }
    }
}
