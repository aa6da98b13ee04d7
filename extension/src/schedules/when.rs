//! When a schedule has its occurrences: what is stored of that, and what it means.

use crier_core::recurrence::{Definition, Exception, Recurrence, Timing, Wall, Zone, parse_wall};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{CrierError, Result};
use crate::passed::Timestamp;

const HINT: &str = "Write {\"starts\": \"2026-03-29 09:00\", \"zone\": \"Europe/Berlin\", \"rule\": \"FREQ=DAILY\" or {\"daily\": [\"09:00\"]}, \
                    \"ends\": …, \"exceptions\": […], \"additions\": […]}; the last four may be left out.";

/// Times of a schedule, as they were given.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct When {
    /// A rule of RFC 5545, or the plain form as JSON; nothing: once.
    pub(super) rule: Option<String>,
    pub(super) starts: Wall,
    pub(super) zone: String,
    pub(super) ends: Option<Wall>,
    pub(super) exceptions: Vec<String>,
    pub(super) additions: Vec<String>,
}

impl When {
    /// What all of it means; what means nothing is refused.
    pub(super) fn recurrence(&self) -> Result<Recurrence> {
        let timing = match self.rule.as_deref().map(str::trim) {
            None => Timing::Once,
            Some(plain) if plain.starts_with('{') => {
                let value: Value = serde_json::from_str(plain).map_err(|error| {
                    CrierError::invalid(
                        "rule",
                        format!("can't be read: {error}"),
                        "Write {\"daily\": [\"09:00\"]}.",
                    )
                })?;
                Timing::plain(&value)?
            }
            Some(rule) => Timing::rule(rule)?,
        };
        let definition = Definition {
            timing,
            starts: self.starts,
            zone: Zone::parse(&self.zone)?,
            ends: self.ends,
            exceptions: self
                .exceptions
                .iter()
                .map(|text| Exception::parse(text))
                .collect::<Result<_, _>>()?,
            additions: self.additions.iter().map(|text| parse_wall(text)).collect::<Result<_, _>>()?,
        };
        Ok(Recurrence::new(&definition)?)
    }

    /// Reads `{"starts": …, "zone": …}`: what somebody thinks about.
    pub(super) fn read(value: Value) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Given {
            rule: Option<Value>,
            starts: String,
            zone: String,
            ends: Option<String>,
            #[serde(default)]
            exceptions: Vec<String>,
            #[serde(default)]
            additions: Vec<String>,
        }
        let given: Given = serde_json::from_value(value)
            .map_err(|error| CrierError::invalid("definition", format!("can't be read: {error}"), HINT))?;
        Ok(Self {
            rule: given.rule.map(|rule| rule.as_str().map_or_else(|| rule.to_string(), str::to_owned)),
            starts: parse_wall(&given.starts)?,
            zone: given.zone,
            ends: given.ends.map(|ends| parse_wall(&ends)).transpose()?,
            exceptions: given.exceptions,
            additions: given.additions,
        })
    }

    pub(super) fn starts(&self) -> Timestamp {
        Timestamp::of(self.starts)
    }

    pub(super) fn ends(&self) -> Option<Timestamp> {
        self.ends.map(Timestamp::of)
    }
}
