//! Sketches of durations in SQL: made, merged, asked.

use crier_core::sketch::Sketch;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::error::{CrierError, Result};

/// The sketch of some durations in microseconds; those below 0 count as 0, which a clock that was put back can give.
#[pg_extern(immutable, parallel_safe, strict)]
#[search_path(pg_catalog, pg_temp)]
fn make_sketch(values: pgrx::Array<'_, i64>) -> Vec<u8> {
    let mut sketch = Sketch::default();
    sketch.extend(values.iter().flatten().map(|value| u64::try_from(value).unwrap_or(0)));
    sketch.to_bytes()
}

/// The sketch of everything that some sketches have counted.
#[pg_extern(immutable, parallel_safe, strict)]
#[search_path(pg_catalog, pg_temp)]
fn merge_sketches(sketches: pgrx::Array<'_, &[u8]>) -> Result<Vec<u8>, ErrorReport> {
    let mut all = Sketch::default();
    for bytes in sketches.iter().flatten() {
        all.merge(&read(bytes)?);
    }
    Ok(all.to_bytes())
}

/// A quantile of what a sketch has counted, in microseconds, at most 2 % off. Null: it has counted nothing.
#[pg_extern(immutable, parallel_safe, strict)]
#[search_path(pg_catalog, pg_temp)]
fn sketch_quantile(sketch: &[u8], share: f64) -> Result<Option<f64>, ErrorReport> {
    if !(0.0..=1.0).contains(&share) {
        let problem = format!("is {share}");
        return Err(CrierError::invalid("share", problem, "Give a number from 0 to 1.").into());
    }
    Ok(read(sketch)?.quantile(share))
}

fn read(bytes: &[u8]) -> Result<Sketch> {
    Sketch::from_bytes(bytes).map_err(|error| {
        CrierError::invalid("a sketch", format!("can't be read: {error}"), "Give one that crier made.")
    })
}
