//! Timestamp identifiers: the record keys of posts. 13 characters that sort by time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";
/// The lower ten bits tell processes apart that make a key in the same microsecond.
const CLOCK_BITS: u32 = 10;

/// Makes keys that grow and never repeat within this process.
#[derive(Debug)]
pub(super) struct Generator {
    last: AtomicU64,
    clock_id: u64,
}

impl Generator {
    pub(super) fn new() -> Self {
        let clock_id = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
        Self { last: AtomicU64::new(0), clock_id: clock_id & ((1 << CLOCK_BITS) - 1) }
    }

    /// The next key.
    pub(super) fn next(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        self.next_at(u64::try_from(now).unwrap_or(0))
    }

    /// One microsecond after the last key if the clock stands still or goes back.
    fn next_at(&self, now: u64) -> String {
        let step = |last: u64| Some(now.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_default();
        encode(now.max(last + 1), self.clock_id)
    }
}

/// The key that belongs to an id, always the same: its time, and of its random part what there is room for.
pub(super) fn of(id: Uuid, made: SystemTime) -> String {
    let millis = made.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let millis = u64::try_from(millis).unwrap_or(0);
    let random = id.as_u128() as u64;
    encode(millis.saturating_mul(1_000) + random % 1_000, random >> 10 & ((1 << CLOCK_BITS) - 1))
}

/// The top bit stays 0, then 53 bits of microseconds, then the clock id.
fn encode(micros: u64, clock_id: u64) -> String {
    let bits = (micros << CLOCK_BITS | clock_id) & (u64::MAX >> 1);
    (0..13).rev().map(|digit| char::from(ALPHABET[(bits >> (digit * 5)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_examples_are_reached() {
        // Examples of the AT Protocol's specification.
        assert_eq!(encode(0, 0), "2222222222222");
        let decode = |tid: &str| {
            tid.bytes().fold(0_u64, |bits, c| {
                bits << 5 | ALPHABET.iter().position(|letter| *letter == c).unwrap() as u64
            })
        };
        for tid in ["3jzfcijpj2z2a", "7777777777777", "3zzzzzzzzzzzz"] {
            let bits = decode(tid);
            assert_eq!(encode(bits >> CLOCK_BITS, bits & 1023), tid);
        }
    }

    #[test]
    fn an_id_has_one_key() {
        let made = UNIX_EPOCH + std::time::Duration::from_millis(1_795_000_000_123);
        let key = of(Uuid::from_u128(7), made);
        assert_eq!((key.len(), &key), (13, &of(Uuid::from_u128(7), made)));
        assert_ne!(of(Uuid::from_u128(8), made), key);
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_older_key() {
        let keys = Generator::new();
        let made: Vec<_> = [5, 5, 4, 1_000, 3].map(|now| keys.next_at(now)).into();
        assert!(made.is_sorted_by(|a, b| a < b), "{made:?}");
    }

    proptest! {
        #[test]
        fn keys_are_well_formed_and_sort_by_time(a in 0_u64..1 << 53, b in 0_u64..1 << 53, clock in 0_u64..1024) {
            let (x, y) = (encode(a, clock), encode(b, clock));
            prop_assert_eq!(x.len(), 13);
            prop_assert!(x.bytes().all(|c| ALPHABET.contains(&c)));
            prop_assert!("234567abcdefghij".contains(&x[..1]), "{}", x);
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        }
    }

    #[test]
    fn threads_never_share_a_key() {
        let keys = Generator::new();
        let mut made: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..1_000).map(|_| keys.next()).collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        made.sort_unstable();
        made.dedup();
        assert_eq!(made.len(), 4_000);
    }
}
