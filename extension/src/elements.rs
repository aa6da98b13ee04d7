//! Arrays of objects that a call carries: each field is read as what it has to be, and the first wrong one is named by its place.

use std::collections::HashMap;
use std::str::FromStr;

use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{CrierError, Result};
use crate::input::MAX_BATCH;
use crate::passed::Timestamptz;

/// What an array is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// The name of the argument.
    pub(crate) list: &'static str,
    /// One of its elements, in words.
    pub(crate) one: &'static str,
    /// The fields that it can have.
    pub(crate) fields: &'static [&'static str],
    /// The same as a hint.
    pub(crate) hint: &'static str,
}

/// The fields of one element.
pub(crate) struct Element<'a> {
    kind: Kind,
    at: usize,
    fields: HashMap<String, &'a RawValue>,
}

impl Kind {
    /// The elements of an array; one that has a field it can't have is refused.
    pub(crate) fn parse(self, text: &str) -> Result<Vec<Element<'_>>> {
        let objects: Vec<HashMap<String, &RawValue>> = serde_json::from_str(text).map_err(|error| {
            CrierError::invalid(self.list, format!("must be a JSON array of objects: {error}"), self.hint)
        })?;
        if objects.len() > MAX_BATCH {
            let (found, limit) = (objects.len(), MAX_BATCH);
            return Err(CrierError::TooLarge { what: self.list, found, limit, unit: "elements" });
        }
        let element = |(at, fields)| Element { kind: self, at, fields };
        objects.into_iter().enumerate().map(element).map(Element::check).collect()
    }
}

impl<'a> Element<'a> {
    fn check(self) -> Result<Self> {
        let unknown = self.fields.keys().find(|name| !self.kind.fields.contains(&name.as_str()));
        match unknown {
            None => Ok(self),
            Some(name) => {
                let name: String = name.chars().take(80).collect();
                Err(self.invalid(&name, format!("is not a field of {}", self.kind.one)))
            }
        }
    }

    /// An error that names the field and its place.
    pub(crate) fn invalid(&self, field: &str, problem: impl Into<String>) -> CrierError {
        CrierError::invalid(format!("{}[{}].{field}", self.kind.list, self.at), problem, self.kind.hint)
    }

    /// A field that must be there.
    pub(crate) fn required<T>(&self, field: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.invalid(field, "is missing"))
    }

    /// A field as it is written.
    pub(crate) fn raw(&self, field: &str) -> Option<&'a str> {
        self.fields.get(field).map(|raw| raw.get())
    }

    /// A field of a type; `form` says in words what it has to be.
    pub(crate) fn read<T: DeserializeOwned>(&self, field: &str, form: &str) -> Result<Option<T>> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        serde_json::from_str(raw).map_err(|_| {
            let shown: String = raw.chars().take(80).collect();
            self.invalid(field, format!("must be {form}, not {shown}"))
        })
    }

    pub(crate) fn uuid(&self, field: &str) -> Result<Option<Uuid>> {
        let Some(text) = self.read::<String>(field, "a uuid")? else { return Ok(None) };
        let uuid = uuid::Uuid::from_str(&text).map_err(|_| {
            let shown: String = text.chars().take(80).collect();
            self.invalid(field, format!("is not a uuid: {shown:?}"))
        })?;
        Ok(Some(Uuid::from_bytes(*uuid.as_bytes())))
    }

    pub(crate) fn time(&self, field: &str) -> Result<Option<Timestamptz>> {
        const HINT: &str = "Write it like 2026-11-22T09:00:00Z.";
        let Some(text) = self.read::<String>(field, "a time in quotes")? else { return Ok(None) };
        let time = TimestampWithTimeZone::from_str(&text).map_err(|_| {
            let shown: String = text.chars().take(80).collect();
            let what = format!("{}[{}].{field}", self.kind.list, self.at);
            CrierError::invalid(what, format!("is not a time: {shown:?}"), HINT)
        })?;
        Ok(Some(Timestamptz(time.into_inner())))
    }
}
