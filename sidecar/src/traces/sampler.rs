//! Which traces are sent. Every sidecar decides alike: by the random end of the trace's id.

use uuid::Uuid;

/// How many bits at the end of an id are random, by the specification of trace contexts; those of a UUIDv7 are.
const RANDOM_BITS: u32 = 56;

/// Lets a part of all traces through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampler {
    /// From which number on.
    threshold: u64,
}

impl Sampler {
    pub(super) fn new(ratio: f64) -> Self {
        let all = 1_u64 << RANDOM_BITS;
        let kept = (ratio.clamp(0.0, 1.0) * all as f64) as u64;
        Self { threshold: all - kept }
    }

    /// Whether a trace is sent.
    pub(super) fn takes(self, trace: Uuid) -> bool {
        let (_, low) = trace.as_u64_pair();
        low & ((1 << RANDOM_BITS) - 1) >= self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids as the extension makes them: the time, then random bits below the version and the variant.
    fn ids(number: u64) -> impl Iterator<Item = Uuid> {
        (0..number).map(|n| {
            let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Uuid::from_u64_pair(0x0199_0000_0000_7000 | n & 0xfff, 0x8000_0000_0000_0000 | random >> 2)
        })
    }

    #[test]
    fn a_ratio_of_all_posts_is_taken() {
        for ratio in [0.0, 0.1, 0.25, 0.5, 0.9, 1.0] {
            let taken = ids(10_000).filter(|id| Sampler::new(ratio).takes(*id)).count();
            let off = (taken as f64 / 10_000.0 - ratio).abs();
            assert!(off < 0.01, "{taken} of 10000 at {ratio}");
        }
    }

    #[test]
    fn who_takes_more_takes_all_that_others_take() {
        let (few, many) = (Sampler::new(0.2), Sampler::new(0.6));
        assert!(ids(1_000).all(|id| !few.takes(id) || many.takes(id)));
    }

    #[test]
    fn the_ends_are_none_and_all() {
        for low in [0, u64::MAX] {
            let id = Uuid::from_u64_pair(0, low);
            assert!(Sampler::new(1.0).takes(id) && !Sampler::new(0.0).takes(id));
        }
    }
}
