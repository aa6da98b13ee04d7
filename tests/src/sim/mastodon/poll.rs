//! Polls of statuses. Nobody votes here.

use std::time::{Duration, SystemTime};

use crier_core::text::graphemes;
use serde_json::{Value, json};

use super::instance::{MAX_OPTION_CHARACTERS, MAX_OPTIONS, POLL_SECONDS};
use super::parameters::{is_true, scalar, texts, to_number};
use super::{Refused, id_of};
use crate::sim::ledger::rfc3339;

pub(super) struct Poll {
    pub(super) options: Vec<String>,
    expires_at: SystemTime,
    multiple: bool,
}

impl Poll {
    /// Reads the poll of a new status, or says all that is wrong with it.
    pub(super) fn of(given: &Value) -> Result<Self, Refused> {
        let options = texts(&given["options"]);
        let options: Vec<_> =
            options.iter().map(|option| option.trim()).filter(|option| !option.is_empty()).collect();
        let seconds = scalar(&given["expires_in"]).map(|seconds| to_number(&seconds));
        let is_repeated = |(at, option): (usize, &&str)| options[..at].contains(option);
        let wrong = [
            (options.is_empty(), "Choices can't be blank".to_owned()),
            (seconds.is_none(), "Deadline can't be blank".to_owned()),
            (options.len() < 2, "Choices must have more than one item".to_owned()),
            (options.len() > MAX_OPTIONS, format!("Choices can't contain more than {MAX_OPTIONS} items")),
            (
                options.iter().any(|option| graphemes(option) > MAX_OPTION_CHARACTERS),
                format!("Choices cannot be longer than {MAX_OPTION_CHARACTERS} characters each"),
            ),
            (options.iter().enumerate().any(is_repeated), "Choices contain duplicate items".to_owned()),
            (
                seconds.is_some_and(|seconds| seconds > *POLL_SECONDS.end()),
                "Deadline is too far into the future".to_owned(),
            ),
            (
                seconds.is_some_and(|seconds| seconds < *POLL_SECONDS.start()),
                "Deadline is too soon".to_owned(),
            ),
        ];
        let wrong: Vec<_> = wrong.into_iter().filter(|(is, _)| *is).map(|(_, text)| text).collect();
        if !wrong.is_empty() {
            return Err(Refused::invalid(wrong.join(", ")));
        }
        Ok(Self {
            options: options.into_iter().map(str::to_owned).collect(),
            expires_at: SystemTime::now() + Duration::from_secs(seconds.unwrap_or_default()),
            multiple: is_true(&given["multiple"]),
        })
    }

    /// The poll of the status with this id.
    pub(super) fn json(&self, id: u64, own: bool) -> Value {
        let options: Vec<_> =
            self.options.iter().map(|option| json!({"title": option, "votes_count": 0})).collect();
        json!({
            "id": id_of(id), "expires_at": rfc3339(self.expires_at), "expired": self.expires_at <= SystemTime::now(),
            "multiple": self.multiple, "votes_count": 0, "voters_count": 0, "voted": own, "own_votes": [],
            "options": options, "emojis": [],
        })
    }
}
