//! Numbers by value.

use std::fmt::Write as _;

/// The parts of a number as they were written; the digits may be any number of them.
#[derive(Debug)]
pub(super) struct Written<'a> {
    pub(super) negative: bool,
    pub(super) whole: &'a str,
    pub(super) fraction: &'a str,
    pub(super) exponent_negative: bool,
    /// Empty means none.
    pub(super) exponent: &'a str,
}

/// The exponent has no room in 64 bits.
#[derive(Debug)]
pub(super) struct TooFar;

impl Written<'_> {
    /// Adds the canonical form to `out`: the digits that count, and the power of ten they are multiplied with.
    pub(super) fn write(&self, out: &mut String) -> Result<(), TooFar> {
        let start = out.len();
        if self.negative {
            out.push('-');
        }
        let first = out.len();
        out.push_str(self.whole.trim_start_matches('0'));
        let fraction = if out.len() == first { self.fraction.trim_start_matches('0') } else { self.fraction };
        out.push_str(fraction);
        let written = out.len();
        let kept = first + out.get(first..).unwrap_or_default().trim_end_matches('0').len();
        out.truncate(kept);
        if kept == first {
            // nothing has no sign and no exponent
            out.truncate(start);
            out.push('0');
            return Ok(());
        }
        let exponent = self.exponent()? - length(self.fraction.len()) + length(written - kept);
        match i64::try_from(exponent) {
            Ok(0) => {}
            Ok(exponent) => {
                let _ = write!(out, "e{exponent}");
            }
            Err(_) => return Err(TooFar),
        }
        Ok(())
    }

    fn exponent(&self) -> Result<i128, TooFar> {
        let digits = self.exponent.trim_start_matches('0');
        // far beyond what counts, and far within what can be added to
        if digits.len() > 30 {
            return Err(TooFar);
        }
        let size: i128 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| TooFar)? };
        Ok(if self.exponent_negative { -size } else { size })
    }
}

fn length(len: usize) -> i128 {
    i128::try_from(len).unwrap_or(i128::from(u64::MAX))
}
