//! Checks of arguments, the same for every function.

use pgrx::Uuid;

use crate::error::{CrierError, Result};

/// The most elements one call may carry.
pub(crate) const MAX_BATCH: usize = 10_000;

/// An argument that must be given.
pub(crate) fn required<T>(value: Option<T>, name: &'static str) -> Result<T> {
    value.ok_or(CrierError::Null(name))
}

/// Text that must be given, not be blank and not be longer than `limit` characters.
pub(crate) fn text(value: Option<&str>, name: &'static str, limit: usize) -> Result<String> {
    let value = required(value, name)?;
    if value.trim().is_empty() {
        return Err(CrierError::invalid(
            name,
            "must not be empty",
            "Give it at least one visible character.",
        ));
    }
    match value.chars().count() {
        found if found > limit => Err(CrierError::TooLarge { what: name, found, limit, unit: "characters" }),
        _ => Ok(value.to_owned()),
    }
}

/// An array that must be given and have no null element, at most [`MAX_BATCH`] long.
pub(crate) fn elements<T>(values: Option<Vec<Option<T>>>, name: &'static str) -> Result<Vec<T>> {
    let values = required(values, name)?;
    if values.len() > MAX_BATCH {
        return Err(CrierError::TooLarge {
            what: name,
            found: values.len(),
            limit: MAX_BATCH,
            unit: "elements",
        });
    }
    values.into_iter().enumerate().map(|(at, value)| value.ok_or_else(|| null_element(name, at))).collect()
}

/// A filter: nothing means everything, but an element of it must not be null.
pub(crate) fn filter<T>(values: Option<Vec<Option<T>>>, name: &'static str) -> Result<Option<Vec<T>>> {
    values.map(|values| elements(Some(values), name)).transpose()
}

/// Two arrays that go together element by element.
pub(crate) fn same_length(first: (&'static str, usize), second: (&'static str, usize)) -> Result<()> {
    if first.1 == second.1 {
        return Ok(());
    }
    Err(CrierError::Lengths { first: first.0, expected: first.1, name: second.0, found: second.1 })
}

/// The ids and tokens of a worker's answer.
pub(crate) fn leases(
    job_ids: Option<Vec<Option<Uuid>>>,
    tokens: Option<Vec<Option<i64>>>,
) -> Result<(Vec<Uuid>, Vec<i64>)> {
    let job_ids = elements(job_ids, "job_ids")?;
    let tokens = elements(tokens, "tokens")?;
    same_length(("job_ids", job_ids.len()), ("tokens", tokens.len()))?;
    let mut sorted: Vec<_> = job_ids.iter().map(|id| *id.as_bytes()).collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(CrierError::invalid(
            "job_ids",
            format!("name job {} twice", Uuid::from_bytes(pair[0])),
            "Name each job once per call.",
        )),
        None => Ok((job_ids, tokens)),
    }
}

fn null_element(name: &'static str, at: usize) -> CrierError {
    CrierError::invalid(
        format!("element {} of {name}", at + 1),
        "must not be null",
        "Leave the element out, or give it a value.",
    )
}
