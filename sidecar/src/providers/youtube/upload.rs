//! Uploads: opened, filled from the front, and asked how far they are.
//!
//! An upload that has all its bytes is a video. One that lacks some is nothing, whoever looks; after about a week it is gone.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::platform::youtube::is_video;
use reqwest::header::{LOCATION, RANGE};
use serde::Deserialize;

use super::classify::failure;
use crate::client::{Answer, CallError};
use crate::providers::Failure;
use crate::providers::answer::{Fields, Phase, content, unclear};

/// How large the pieces of an upload are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// All pieces but the last are multiples of this.
    pub(super) unit: usize,
    /// A piece has so many units.
    pub(super) units: usize,
}

impl Sizes {
    /// Google's unit is 256 KiB. A piece is held in memory.
    pub(super) const USUAL: Self = Self { unit: 256 * 1024, units: 32 };

    /// Where the last piece begins, of so many bytes: it is never empty and never longer than a unit, because it is written down.
    pub(super) fn tail(self, total: usize) -> usize {
        total.saturating_sub(1) / self.unit * self.unit
    }

    /// How many bytes the next piece has that begins at `sent`, where that is before the last one. A piece ends where units end.
    pub(super) fn piece(self, sent: usize, total: usize) -> usize {
        let whole = self.unit * self.units - sent % self.unit;
        whole.min(self.tail(total).saturating_sub(sent))
    }
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// It has become this video.
    Video(String),
    /// It has so many bytes, which are not all, or nobody knows yet what becomes of them.
    Bytes(usize),
    /// There is no such upload, or no longer.
    Gone,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// What an upload answers to bytes, and to who asks how far it is.
pub(super) fn progress(
    phase: Phase,
    answer: Result<Answer, CallError>,
    total: usize,
) -> Result<Progress, Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    let unreadable = |what: &str| {
        let text = format!("the server answered {} {what}", answer.status);
        Failure { status: Some(answer.status), ..unclear(phase, &CallError::Unclear(text)) }
    };
    match answer.status {
        200 | 201 => {
            let Fields(Made { id }) = content(phase, &answer)?;
            if is_video(&id) { Ok(Progress::Video(id)) } else { Err(unreadable("with no id of a video")) }
        }
        // "Resume incomplete": no redirect, which would say where to
        308 if answer.header(&LOCATION).is_none() => {
            let stored = stored(answer.header(&RANGE)).filter(|stored| *stored <= total);
            stored.map(Progress::Bytes).ok_or_else(|| unreadable("with bytes that were not sent"))
        }
        404 | 410 => Ok(Progress::Gone),
        _ => Err(failure(phase, &answer, SystemTime::now())),
    }
}

/// `bytes=0-99`: how many bytes there are. None are there where nothing is said.
fn stored(range: Option<&str>) -> Option<usize> {
    let Some(range) = range else { return Some(0) };
    let last: usize =
        range.strip_prefix("bytes=").unwrap_or(range).strip_prefix("0-")?.trim().parse().ok()?;
    last.checked_add(1)
}

/// The address of an upload that was opened.
pub(super) fn opened(answer: Result<Answer, CallError>) -> Result<String, Failure> {
    let phase = Phase::Prepare;
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    if answer.status != 200 && answer.status != 201 {
        return Err(failure(phase, &answer, SystemTime::now()));
    }
    let address = answer.header(&LOCATION).map(str::to_owned);
    address.ok_or_else(|| Failure::new(ErrorClass::Transient, "the answer names no upload"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::answer;
    use proptest::prelude::*;

    fn told(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Progress, ErrorClass> {
        let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        progress(Phase::Commit, Ok(answer(status, &headers, body)), 100).map_err(|failure| failure.class)
    }

    #[test]
    fn an_upload_tells_how_far_it_is() {
        assert_eq!(told(200, &[], r#"{"id":"dQw4w9WgXcQ"}"#), Ok(Progress::Video("dQw4w9WgXcQ".into())));
        assert_eq!(told(308, &[("range", "bytes=0-41")], ""), Ok(Progress::Bytes(42)));
        assert_eq!(told(308, &[("range", "0-99")], ""), Ok(Progress::Bytes(100)));
        assert_eq!(told(308, &[], ""), Ok(Progress::Bytes(0)));
        assert_eq!(
            (told(404, &[], "Not Found"), told(410, &[], "")),
            (Ok(Progress::Gone), Ok(Progress::Gone))
        );
        let unclear = Err(ErrorClass::OutcomeUnknown);
        for range in ["bytes=0-100", "bytes=1-5", "bytes=0-", "x", "bytes=0-99999999999999999999"] {
            assert_eq!(told(308, &[("range", range)], ""), unclear, "{range}");
        }
        assert_eq!(told(308, &[("location", "https://a.example")], ""), unclear);
        for body in ["", "{", "[]", r#"["dQw4w9WgXcQ"]"#, "<html>", r#"{"id":7}"#, r#"{"id":"short"}"#] {
            assert_eq!(told(200, &[], body), unclear, "{body}");
        }
        for status in [204, 302, 400, 403, 500, 503] {
            assert_eq!(told(status, &[], "<html>"), unclear, "{status}");
        }
    }

    proptest! {
        #[test]
        fn pieces_cover_everything_but_the_last_bytes(unit in 1_usize..70, units in 1_usize..5, total in 1_usize..5_000) {
            let sizes = Sizes { unit, units };
            let tail = sizes.tail(total);
            prop_assert!(tail.is_multiple_of(unit) && tail < total && total - tail <= unit);
            let mut sent = 0;
            while sent < tail {
                let piece = sizes.piece(sent, total);
                prop_assert!(piece > 0 && piece <= unit * units && piece.is_multiple_of(unit));
                sent += piece;
            }
            prop_assert_eq!((sent, sizes.piece(sent, total)), (tail, 0));
        }

        #[test]
        fn a_piece_goes_on_wherever_the_last_one_ended(sent in 0_usize..10_000, total in 1_usize..10_000) {
            let sizes = Sizes { unit: 16, units: 4 };
            let end = sent + sizes.piece(sent, total);
            prop_assert!(sent >= sizes.tail(total) || end > sent && end.is_multiple_of(16) && end <= sizes.tail(total));
        }
    }
}
