//! The post: an event that is frozen as it was signed, sent to its relays, and looked for by its id.

use crier_core::error_class::ErrorClass;
use crier_core::platform::nostr;
use serde_json::{Value, json};

use super::event::Event;
use super::prepare::{Prepared, parse};
use super::relay::Relays;
use crate::providers::answer::Phase;
use crate::providers::{Failure, Found, Frozen, Published};

/// Freezes what was signed, with the relays that it goes to. Its id is the key.
pub(super) fn draft(prepared: &Value) -> Result<Frozen, Failure> {
    let prepared =
        parse(prepared).ok_or_else(|| Failure::new(ErrorClass::Transient, "the event is not signed yet"))?;
    Ok(Frozen { key: prepared.event.id.clone(), request: json!(prepared).to_string() })
}

fn written(frozen: &Frozen) -> Result<Prepared, Failure> {
    let written = serde_json::from_str(&frozen.request).ok().and_then(|written| parse(&written));
    written.ok_or_else(|| Failure::new(ErrorClass::Config, "the stored event is not of this version"))
}

/// Sends it to all relays. It is published where one has it.
pub(super) async fn commit(frozen: &Frozen) -> Result<Published, Failure> {
    let Prepared { event, relays, .. } = written(frozen)?;
    let answers = Relays::of(&relays).publish(Phase::Commit, &event).await;
    outcome(answers)?;
    there(&event, &relays)
}

/// What came of it. Where one relay may have it and none says so, nobody knows; otherwise a relay that can be asked again counts
/// more than one that never takes it.
pub(super) fn outcome(answers: Vec<Result<(), Failure>>) -> Result<(), Failure> {
    const ORDER: [ErrorClass; 3] =
        [ErrorClass::OutcomeUnknown, ErrorClass::RateLimited, ErrorClass::Transient];
    let mut failures = Vec::new();
    for answer in answers {
        match answer {
            Ok(()) => return Ok(()),
            Err(failure) => failures.push(failure),
        }
    }
    let place =
        |failure: &Failure| ORDER.iter().position(|class| *class == failure.class).unwrap_or(ORDER.len());
    let none = || Failure::new(ErrorClass::Config, "the event goes to no relay");
    let worst = failures.into_iter().min_by_key(place).unwrap_or_else(none);
    // only where it certainly is nowhere may it be signed anew
    Err(Failure { draft_again: worst.draft_again && worst.class != ErrorClass::OutcomeUnknown, ..worst })
}

/// Looks for it. It is absent where nobody shows it and a relay says so: the same event may be sent again at any time, and what
/// another one has of it by then is the same.
pub(super) async fn look(frozen: &Frozen) -> Result<Found, Failure> {
    let Prepared { event, relays, .. } = written(frozen)?;
    let (mut failed, mut is_answered) = (None, false);
    for found in Relays::of(&relays).find(&event.id).await {
        match found {
            Ok(Some(_)) => return there(&event, &relays).map(Found::Same),
            Ok(None) => is_answered = true,
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    match failed {
        Some(failure) if !is_answered => Err(unread(failure)),
        _ => Ok(Found::Absent),
    }
}

/// Relays are asked as nobody: no login of the account makes one show what it doesn't.
fn unread(failure: Failure) -> Failure {
    match failure.class {
        ErrorClass::Permission => Failure { class: ErrorClass::Transient, ..failure },
        _ => failure,
    }
}

/// What the event is called, and a page that shows it.
fn there(event: &Event, relays: &[String]) -> Result<Published, Failure> {
    let unreadable = || Failure::new(ErrorClass::Config, "the stored event is not of this version");
    let (id, author) = (event.key().ok_or_else(unreadable)?, event.author().ok_or_else(unreadable)?);
    // the account's own is known without
    let name = nostr::nevent(&id, &author, relays.iter().skip(1).chain(relays.first()));
    Ok(Published { url: format!("https://njump.me/{name}"), external_id: name, cid: None })
}
