//! When the tokens of an account are renewed ahead of need, and what may be done where the answer to a refresh was lost.

use std::time::Duration;

use crate::retry::Backoff;

/// No access token is renewed earlier than this before its end, unless nothing else prolongs it.
pub const MAX_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);
/// No token is renewed again sooner: one that a platform gives for no time at all is bought when a job needs it.
pub const MIN_APART: Duration = Duration::from_secs(60);
/// How shortly before its end the last chance of an access token is used.
pub const LAST_CALL: Duration = Duration::from_secs(2 * 60);
/// How long what was given to a sidecar is given to nobody else.
pub const HOLD: Duration = Duration::from_secs(5 * 60);

/// After a refresh that failed: 1, 2, 4, … minutes, at most an hour.
pub const BACKOFF: Backoff = Backoff { first: Duration::from_secs(60), max: Duration::from_secs(60 * 60) };
/// Where a person has to change something first: 10, 20, 40, … minutes, at most six hours.
pub const LONG_BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(10 * 60), max: Duration::from_secs(6 * 60 * 60) };

/// In how long tokens that are stored now are to be renewed; `None`: they don't end. An access token a day before its end, or a
/// quarter of its life if that is shorter; what buys the next one, and an access token that only it itself prolongs, a quarter of
/// its life. By up to half of that earlier, so that what was made together is not renewed together: the same for each account and
/// generation.
///
/// `access` and `refresh` are what is left of the access token and of what buys the next one.
///
/// ```
/// # use std::time::Duration;
/// # use crier_core::refresh::due_in;
/// let hours = |n: u64| Duration::from_secs(n * 60 * 60);
/// let due = due_in([7; 16], 1, Some(hours(2)), None).unwrap();
/// assert!(due <= hours(2) * 3 / 4 && due >= hours(2) * 5 / 8);
/// ```
pub fn due_in(
    account: [u8; 16],
    generation: i64,
    access: Option<Duration>,
    refresh: Option<Duration>,
) -> Option<Duration> {
    let spread = 1.0 + spread(account, generation) / 2.0;
    let ends_for_good = matches!((access, refresh), (Some(access), Some(refresh)) if refresh <= access);
    let before = |life: Duration, ahead: Duration| life.saturating_sub(ahead.mul_f64(spread));
    let of_access =
        access.map(|life| before(life, if ends_for_good { life / 4 } else { (life / 4).min(MAX_AHEAD) }));
    let of_refresh = refresh.map(|life| before(life, life / 4));
    of_access.into_iter().chain(of_refresh).min().map(|due| due.max(MIN_APART))
}

/// A number from 0 up to 1 that is always the same for an account and a generation, and unlike that of any other.
pub fn spread(account: [u8; 16], generation: i64) -> f64 {
    // FNV-1a, and the finish of splitmix64: neighbours must not get neighbouring numbers
    let bytes = account.into_iter().chain(generation.to_be_bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What becomes of a refresh token that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It stays good.
    Kept,
    /// It stays good for so long, and buys the same successor: a refresh whose answer was lost is tried again at once.
    Grace(Duration),
    /// It is good once, and one that comes a second time may end the grant. Where an answer was lost, the account lives on its
    /// old access token first.
    Strict,
}

impl Rotation {
    /// Whether a refresh may be tried again whose answer was lost `since` ago, while so much of the access token is left (`None`:
    /// it doesn't end). Once that is nearly used up there is nothing more to lose.
    pub fn may_try_again(self, since: Duration, left: Option<Duration>) -> bool {
        let in_time = match self {
            Self::Kept => true,
            // the platform counts from when it answered, by its own clock
            Self::Grace(grace) => since <= grace.saturating_sub(grace / 10),
            Self::Strict => false,
        };
        in_time || left.is_some_and(|left| left <= LAST_CALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// The earliest and the latest due time of a thousand accounts.
    fn range(access: Option<Duration>, refresh: Option<Duration>) -> (Duration, Duration) {
        let due = |account: u128| due_in(account.to_be_bytes(), 3, access, refresh).expect("an end");
        let all = (0..1_000).map(due);
        (all.clone().min().expect("some"), all.max().expect("some"))
    }

    fn near(found: Duration, expected: Duration) -> bool {
        found.abs_diff(expected) <= expected / 50
    }

    #[test]
    fn a_token_is_renewed_a_quarter_or_a_day_before_its_end_or_a_little_earlier() {
        for (access, refresh, earliest, latest) in [
            // two hours: half an hour before the end, up to three quarters of an hour
            (Some(2 * HOUR), Some(90 * DAY), 75 * HOUR / 60, 90 * HOUR / 60),
            (Some(2 * HOUR), None, 75 * HOUR / 60, 90 * HOUR / 60),
            // sixty days with something that buys the next one: a day
            (Some(60 * DAY), Some(365 * DAY), 58 * DAY + 12 * HOUR, 59 * DAY),
            // sixty days that only the token itself prolongs: fifteen
            (Some(60 * DAY), Some(60 * DAY), 37 * DAY + 12 * HOUR, 45 * DAY),
            // what buys the next one ends before the token does
            (Some(60 * DAY), Some(20 * DAY), 12 * DAY + 12 * HOUR, 15 * DAY),
            (None, Some(100 * DAY), 62 * DAY + 12 * HOUR, 75 * DAY),
        ] {
            let (first, last) = range(access, refresh);
            assert!(first >= earliest && last <= latest, "{access:?}, {refresh:?}: {first:?} to {last:?}");
            assert!(near(first, earliest) && near(last, latest), "{access:?}: {first:?} to {last:?}");
        }
        assert_eq!(due_in([1; 16], 1, None, None), None);
    }

    #[test]
    fn what_has_ended_is_due_soon_and_not_at_once_again() {
        assert_eq!(due_in([1; 16], 1, Some(Duration::ZERO), None), Some(MIN_APART));
        assert_eq!(due_in([1; 16], 1, Some(4 * Duration::from_secs(1)), None), Some(MIN_APART));
    }

    #[test]
    fn accounts_are_spread_evenly_and_each_keeps_its_place() {
        let mut tenths = [0_usize; 10];
        for account in 0..10_000_u128 {
            let place = spread(account.to_be_bytes(), 1);
            assert_eq!(place.to_bits(), spread(account.to_be_bytes(), 1).to_bits());
            tenths[(place * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (850..1_150).contains(count)), "{tenths:?}");
        assert_ne!(spread([0; 16], 1).to_bits(), spread([0; 16], 2).to_bits());
    }

    #[test]
    fn a_lost_answer_is_asked_for_again_only_where_that_costs_nothing() {
        let (hour, left) = (HOUR, Some(HOUR));
        assert!(Rotation::Kept.may_try_again(1_000 * hour, left));
        assert!(Rotation::Grace(2 * hour).may_try_again(Duration::ZERO, left));
        assert!(Rotation::Grace(2 * hour).may_try_again(hour, None));
        assert!(!Rotation::Grace(2 * hour).may_try_again(2 * hour, left));
        assert!(!Rotation::Strict.may_try_again(Duration::ZERO, left));
        assert!(!Rotation::Strict.may_try_again(1_000 * hour, None));
        for rotation in [Rotation::Grace(2 * hour), Rotation::Strict] {
            assert!(rotation.may_try_again(3 * hour, Some(LAST_CALL)));
            assert!(rotation.may_try_again(3 * hour, Some(Duration::ZERO)));
        }
    }

    proptest! {
        #[test]
        fn no_token_is_due_after_its_end(account in any::<u128>(), generation in any::<i64>(), life in 120..1_000_000_000_u64,
                                         refresh in proptest::option::of(120..1_000_000_000_u64)) {
            let (life, refresh) = (Duration::from_secs(life), refresh.map(Duration::from_secs));
            let due = due_in(account.to_be_bytes(), generation, Some(life), refresh).expect("an end");
            prop_assert!(due <= life && refresh.is_none_or(|refresh| due <= refresh));
            prop_assert!(due >= MIN_APART);
        }
    }
}
