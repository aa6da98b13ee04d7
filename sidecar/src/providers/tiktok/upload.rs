//! What an upload answers to a chunk. It becomes a post with its last one, and is gone an hour after it was opened.

use std::time::SystemTime;

use super::classify::failure;
use crate::client::{Answer, CallError};
use crate::providers::Failure;
use crate::providers::answer::{Phase, unclear};

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It was the last one.
    Whole,
    /// It was taken, and there are more.
    More,
    /// There is no such upload, or no longer.
    Gone,
    /// It is not the one that comes next.
    Misplaced,
}

/// Reads the answer. What is in between TikTok and us can say the same: only the status of the post proves anything.
pub(super) fn sent(phase: Phase, answer: Result<Answer, CallError>) -> Result<Sent, Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    match answer.status {
        201 => Ok(Sent::Whole),
        206 => Ok(Sent::More),
        403 | 404 => Ok(Sent::Gone),
        400 | 416 => Ok(Sent::Misplaced),
        429 => Err(failure(phase, &answer, SystemTime::now())),
        status => {
            let text = format!("the server answered {status} to a part of the video");
            Err(Failure { status: Some(status), ..unclear(phase, &CallError::Unclear(text)) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::answer;
    use crier_core::error_class::ErrorClass;

    #[test]
    fn only_what_is_documented_says_what_became_of_a_chunk() {
        let told =
            |status| sent(Phase::Commit, Ok(answer(status, &[], "<html>"))).map_err(|failure| failure.class);
        assert_eq!((told(201), told(206)), (Ok(Sent::Whole), Ok(Sent::More)));
        assert_eq!((told(403), told(404)), (Ok(Sent::Gone), Ok(Sent::Gone)));
        assert_eq!((told(400), told(416)), (Ok(Sent::Misplaced), Ok(Sent::Misplaced)));
        assert_eq!(told(429), Err(ErrorClass::RateLimited));
        for status in [200, 202, 204, 302, 401, 408, 500, 503] {
            assert_eq!(told(status), Err(ErrorClass::OutcomeUnknown), "{status}");
        }
        let not_sent = Err(CallError::NotSent("refused".into()));
        assert_eq!(sent(Phase::Commit, not_sent).unwrap_err().class, ErrorClass::Transient);
    }
}
