//! Arguments that several listings have.

use pgrx::Uuid;

use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input::required;

/// The most rows of a page.
const MAX_LIMIT: i32 = 1_000;
/// The most characters of a search.
const MAX_SEARCH: usize = 500;

/// How many rows a page has.
pub(super) fn limit(limit: Option<i32>) -> Result<usize> {
    match required(limit, "p_limit")? {
        limit @ 1..=MAX_LIMIT => Ok(limit as usize),
        other => Err(CrierError::invalid("p_limit", format!("is {other}"), "Give a number from 1 to 1000.")),
    }
}

/// One of some words, or nothing.
pub(super) fn one_of(
    value: Option<&str>,
    name: &'static str,
    words: &[&'static str],
    hint: &'static str,
) -> Result<Option<&'static str>> {
    let Some(value) = value else { return Ok(None) };
    let known = words.iter().find(|word| **word == value);
    known.map(|word| Some(*word)).ok_or_else(|| {
        let shown: String = value.chars().take(80).collect();
        CrierError::invalid(name, format!("is {shown:?}"), hint)
    })
}

/// Words to look for, or nothing.
pub(super) fn search(value: Option<&str>) -> Result<Option<String>> {
    value.map(|value| crate::input::text(Some(value), "p_search", MAX_SEARCH)).transpose()
}

/// The workspaces that are listed: the one that is named, where the caller may read it, or all the caller may read.
/// Nothing stands for every row, which only a trusted caller sees.
pub(super) fn workspaces(caller: Caller, named: Option<Uuid>) -> Result<Option<Vec<Uuid>>> {
    let Some(named) = named else { return caller.readable() };
    match caller.readable()? {
        Some(readable) if !readable.contains(&named) => {
            Err(CrierError::NotFound { what: "workspace", id: named })
        }
        _ => Ok(Some(vec![named])),
    }
}
