//! The errors that only containers have: numbers of the form 2207xxx, and on Threads some of the form 4279xxx.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use serde::de::DeserializeOwned;

use crate::client::{Answer, CallError};
use crate::providers::answer::{self, Phase};
use crate::providers::{Failure, graph};

/// The publish is taken for spam, and may be out all the same.
const BLOCKED: i64 = 2_207_051;
/// How long nothing is sent then. Longer would outlive the container.
const BLOCK_WAIT: Duration = Duration::from_secs(60 * 60);

/// The content of a success, or what the failure means in this phase.
pub(in crate::providers) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure)
}

/// An answer that is not a success.
pub(in crate::providers) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let failure = graph::failure(phase, answer, now, |phase, error| {
        error.subcode.and_then(|subcode| by_number(phase, subcode)).or(match error.code {
            Some(9) => Some(ErrorClass::QuotaExhausted),
            Some(9_007) => Some(ErrorClass::Transient),
            _ => None,
        })
    });
    let blocked = phase == Phase::Commit && names(&failure, BLOCKED);
    Failure { retry_at: blocked.then_some(now + BLOCK_WAIT).or(failure.retry_at), ..failure }
}

/// What one of these numbers means; a container that failed names one too.
pub(super) fn by_number(phase: Phase, number: i64) -> Option<ErrorClass> {
    let class = match number {
        // Failed on its side, or while it fetched the media: a new container can work.
        2_207_001 | 2_207_003 | 2_207_032 | 2_207_053 | 2_207_082 => phase.not_clear(),
        // The container is gone; or it is published, which comes to the same for this call.
        _ if GONE.contains(&number) => phase.not_clear(),
        // Not ready yet: certainly not published.
        2_207_027 => ErrorClass::Transient,
        2_207_042 => ErrorClass::QuotaExhausted,
        BLOCKED if phase == Phase::Commit => ErrorClass::OutcomeUnknown,
        // The account is restricted, or has to confirm something.
        2_207_050 | BLOCKED | 4_279_013 => ErrorClass::PolicyBlocked,
        2_207_000..=2_207_999 => ErrorClass::ContentInvalid,
        _ => return None,
    };
    Some(class)
}

const GONE: [i64; 4] = [2_207_006, 2_207_008, 2_207_020, 4_279_009];

/// Whether a call was refused because there is no such container any more.
pub(in crate::providers) fn is_gone(failure: &Failure) -> bool {
    GONE.iter().any(|number| names(failure, *number))
}

fn names(failure: &Failure, number: i64) -> bool {
    let code = failure.code.as_deref().unwrap_or_default();
    code.split_once('/').is_some_and(|(_, subcode)| subcode == number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_told_by_its_number() {
        let failure = |code: &str| Failure {
            code: Some(code.into()),
            ..Failure::new(ErrorClass::OutcomeUnknown, "no")
        };
        assert!(["24/2207008", "-2/2207020", "24/4279009"].into_iter().all(|code| is_gone(&failure(code))));
        assert!(!is_gone(&failure("24")) && !is_gone(&failure("100/33")));
    }
}
