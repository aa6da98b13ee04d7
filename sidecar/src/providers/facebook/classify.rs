//! The errors that only Facebook has. Some stand as a code, some as a subcode, and documents don't always say which.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use serde::de::DeserializeOwned;

use crate::client::{Answer, CallError};
use crate::providers::answer::{self, Phase};
use crate::providers::{Failure, graph};

/// The content of a success, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure)
}

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    graph::failure(phase, answer, now, |phase, error| {
        [error.subcode, error.code].into_iter().flatten().find_map(|number| by_number(phase, number))
    })
}

fn by_number(phase: Phase, number: i64) -> Option<ErrorClass> {
    Some(match number {
        506 => ErrorClass::Duplicate,
        1_363_047 | 1_609_010 => phase.not_clear(),
        1_390_008 => ErrorClass::RateLimited,
        // The last: somebody has to show who they are first.
        1_404_078 | 4_854_002 => ErrorClass::Permission,
        1_346_003 | 1_404_102 | 1_404_112 => ErrorClass::PolicyBlocked,
        1_366_046 | 1_609_008 | 2_069_019 => ErrorClass::ContentInvalid,
        _ => return None,
    })
}
