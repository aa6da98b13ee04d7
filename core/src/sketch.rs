//! How long things took, summed up so that quantiles can be asked of it later: a sketch with logarithmic buckets (DDSketch).
//!
//! A quantile is off by at most [`RELATIVE_ERROR`]. Sketches of parts merge into exactly the sketch of the whole, so an hour is
//! the sum of its minutes. One of a billion values takes some hundred bytes.

use std::collections::BTreeMap;

/// The bound of the relative error of a quantile.
pub const RELATIVE_ERROR: f64 = 0.02;

/// The first byte of a sketch that was written down: the format.
const FORMAT: u8 = 1;
/// The bucket of the greatest `u64` has a lower number.
const MAX_BUCKET: u16 = 1_200;

/// Counts of values by bucket: 0 for the value 0, n for values above γⁿ⁻¹ up to γⁿ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    buckets: BTreeMap<u16, u64>,
}

/// What is wrong with bytes that should be a sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no sketch of this version")]
pub struct Malformed;

fn gamma() -> f64 {
    (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR)
}

impl Sketch {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        let bucket = match value {
            0 => 0,
            // 1 is γ⁰ and has a bucket of its own
            value => 1 + ((value as f64).ln() / gamma().ln()).ceil() as u16,
        };
        let count = self.buckets.entry(bucket.min(MAX_BUCKET)).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts everything that another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, more) in &other.buckets {
            let count = self.buckets.entry(*bucket).or_default();
            *count = count.saturating_add(*more);
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.buckets.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The value that a share `q` of all values (0 to 1) does not exceed. `None`: nothing was counted, or `q` is no share.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = ((q * count as f64).ceil() as u64).clamp(1, count);
        let mut seen = 0_u64;
        let at = self.buckets.iter().find(|(_, count)| {
            seen = seen.saturating_add(**count);
            seen >= rank
        });
        // in the middle of the bucket, as errors count: at the same share of its lower and its upper end
        at.map(|(bucket, _)| match bucket {
            0 => 0.0,
            bucket => 2.0 * gamma().powi(i32::from(*bucket) - 1) / (gamma() + 1.0),
        })
    }

    /// The sketch as bytes: the format, then each bucket's distance from the one before and its count.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        let mut last = 0;
        for (bucket, count) in &self.buckets {
            write_number(&mut bytes, u64::from(bucket - last));
            write_number(&mut bytes, *count);
            last = *bucket;
        }
        bytes
    }

    /// The sketch that was written as these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let (FORMAT, mut rest) = bytes.split_first().map(|(first, rest)| (*first, rest)).ok_or(Malformed)?
        else {
            return Err(Malformed);
        };
        let mut sketch = Self::default();
        let mut last = None;
        while !rest.is_empty() {
            let distance = read_number(&mut rest)?;
            let count = read_number(&mut rest)?;
            let bucket = last.map_or(Some(distance), |last: u16| u64::from(last).checked_add(distance));
            let bucket = bucket.and_then(|bucket| u16::try_from(bucket).ok()).ok_or(Malformed)?;
            // each bucket comes once, and only if it has values: a sketch has one form
            if bucket > MAX_BUCKET || count == 0 || (last.is_some() && distance == 0) {
                return Err(Malformed);
            }
            sketch.buckets.insert(bucket, count);
            last = Some(bucket);
        }
        Ok(sketch)
    }
}

impl Extend<u64> for Sketch {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.add(value));
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Malformed)?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return Err(Malformed);
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            // no number is written in more bytes than it needs
            return if shift > 0 && bits == 0 { Err(Malformed) } else { Ok(number) };
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sketch(values: &[u64]) -> Sketch {
        let mut sketch = Sketch::default();
        sketch.extend(values.iter().copied());
        sketch
    }

    /// Times as they are: from nothing over microseconds to years.
    fn values() -> impl Strategy<Value = Vec<u64>> {
        let value = prop_oneof![Just(0), 1..1_000_u64, 1_000..100_000_000_u64, any::<u64>()];
        proptest::collection::vec(value, 0..300)
    }

    proptest! {
        #[test]
        fn a_merge_is_the_sketch_of_the_union(first in values(), second in values()) {
            let mut merged = sketch(&first);
            merged.merge(&sketch(&second));
            prop_assert_eq!(merged, sketch(&[first, second].concat()));
        }

        #[test]
        fn a_quantile_is_as_near_as_promised(mut values in values(), q in 0.0..=1.0_f64) {
            let found = sketch(&values).quantile(q);
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).max(1);
            match values.get(rank - 1) {
                None => prop_assert_eq!(found, None),
                Some(exact) => {
                    let (found, exact) = (found.unwrap_or(f64::NAN), *exact as f64);
                    // a hair more for the rounding of logarithms
                    let bound = exact * (RELATIVE_ERROR + 1e-9);
                    prop_assert!((found - exact).abs() <= bound, "{} for {}", found, exact);
                }
            }
        }

        #[test]
        fn bytes_give_the_same_sketch(values in values()) {
            let sketch = sketch(&values);
            prop_assert_eq!(Sketch::from_bytes(&sketch.to_bytes()), Ok(sketch));
        }

        #[test]
        fn other_bytes_are_refused_or_have_one_form(mut bytes in proptest::collection::vec(any::<u8>(), 0..40), first in any::<bool>()) {
            if first {
                bytes.insert(0, FORMAT);
            }
            if let Ok(sketch) = Sketch::from_bytes(&bytes) {
                prop_assert_eq!(sketch.to_bytes(), bytes);
            }
        }

        #[test]
        fn cut_bytes_are_never_taken_for_the_whole(values in values(), cut in any::<prop::sample::Index>()) {
            let whole = sketch(&values);
            let bytes = whole.to_bytes();
            let part = &bytes[..cut.index(bytes.len())];
            prop_assert_ne!(Sketch::from_bytes(part), Ok(whole));
        }
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Sketch::default().quantile(0.5), None);
        assert_eq!(sketch(&[1, 2, 3]).quantile(f64::NAN), None);
        assert_eq!(sketch(&[1, 2, 3]).quantile(1.1), None);
        assert_eq!(Sketch::from_bytes(&[]), Err(Malformed));
    }
}
