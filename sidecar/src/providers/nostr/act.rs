//! What an account does besides publishing: events of other kinds.

use std::time::{SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use crier_core::platform::nostr::{self, PLATFORM};
use uuid::Uuid;

use super::event::{Author, DELETION, REACTION, Said};
use super::prepare::find;
use super::publish::outcome;
use super::relay::Relays;
use crate::hex::hex;
use crate::providers::answer::{Phase, seconds_since_1970};
use crate::providers::{Act, Caller, Done, Failure};

/// Does it.
pub(super) async fn act(caller: &Caller, act: &Act) -> Result<Done, Failure> {
    match act {
        Act::Delete { post } => delete(caller, post).await,
        Act::Like { post, key } => like(caller, post, *key).await,
        Act::Follow { .. } | Act::DirectMessage { .. } => Err(Failure::unsupported(PLATFORM.name, act)),
    }
}

/// The account's relay, and those that a name gives.
fn relays(caller: &Caller, named: &str) -> Result<(Relays, String), Failure> {
    let unreadable = || Failure::new(ErrorClass::ContentInvalid, "that is no event on nostr");
    let event = nostr::event_ref(named).ok_or_else(unreadable)?;
    Ok((Relays::new(&caller.account.base_url, &event.relays), hex(&event.id)))
}

fn tag(name: &str, said: &str) -> Vec<String> {
    vec![name.to_owned(), said.to_owned()]
}

/// Asks every relay that has it to forget it (NIP-09). One that isn't reached is asked again. One that refuses has nothing to
/// forget, unless it shows the event.
async fn delete(caller: &Caller, post: &str) -> Result<Done, Failure> {
    let (relays, id) = relays(caller, post)?;
    let created_at = seconds_since_1970(SystemTime::now());
    let tags = vec![tag("e", &id), tag("k", "1")];
    let said = Said { kind: DELETION, created_at, tags, content: String::new() };
    let event = Author::of(&caller.session.access)?.sign(said)?;
    let answers = relays.publish(Phase::Prepare, &event).await;
    if answers.iter().all(Result::is_ok) {
        return Ok(Done::default());
    }
    let is_taken = answers.iter().any(Result::is_ok);
    for (answer, shown) in answers.into_iter().zip(relays.find(&id).await) {
        let Err(refusal) = answer else { continue };
        let is_refused = !matches!(refusal.class, ErrorClass::Transient | ErrorClass::RateLimited);
        if !is_taken || !is_refused {
            return Err(refusal);
        }
        match shown {
            Ok(None) => {}
            // it shows nobody anything
            Err(failure) if failure.class == ErrorClass::Permission => {}
            Ok(Some(_)) => return Err(refusal),
            Err(failure) => return Err(failure),
        }
    }
    Ok(Done::default())
}

/// A reaction (NIP-25). Its time is that of the action, so that it is the same event at every try.
async fn like(caller: &Caller, post: &str, key: Uuid) -> Result<Done, Failure> {
    let (relays, _) = relays(caller, post)?;
    let liked = find(&relays, post).await?;
    let time = key.get_timestamp().map(|time| time.to_unix().0);
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let tags = vec![tag("e", &liked.id), tag("p", &liked.pubkey), tag("k", &liked.kind.to_string())];
    let said = Said { kind: REACTION, created_at: time.unwrap_or_else(now), tags, content: "+".to_owned() };
    let event = Author::of(&caller.session.access)?.sign(said)?;
    outcome(relays.publish(Phase::Prepare, &event).await)?;
    Ok(Done { external_id: Some(event.id), url: None })
}
