//! Counts what happened in a sliding window.
//!
//! A window is cut into (at most) sixty buckets, and what happened counts until its whole bucket has left the window. So
//! no stretch of the window's length ever holds more than was admitted, and nothing counts longer than one bucket too
//! long.

/// Buckets a window is cut into, at most; one more is under way.
const BUCKETS: i64 = 60;

/// A sliding window and how many it admits. All zeroes: no window yet.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Its length.
    pub(crate) length: i64,
    /// How many it admits.
    pub(crate) max: u32,
    /// Which limit set it: one of the account's own, or a rule of its platform.
    pub(crate) own: bool,
    /// What happened before is not counted here.
    since: i64,
    /// The number of the newest bucket.
    head: i64,
    total: u32,
    /// One that is full admits nothing more, whatever the window admits.
    buckets: [u16; BUCKETS as usize + 1],
    /// The next free one in the pool.
    pub(crate) next: u32,
}

impl Window {
    pub(crate) fn new(length: i64, max: u32, own: bool, now: i64) -> Self {
        let buckets = [0; BUCKETS as usize + 1];
        Self { length, max, own, since: now, head: 0, total: 0, buckets, next: 0 }
    }

    /// A bucket's length.
    fn width(&self) -> i64 {
        (self.length / BUCKETS + i64::from(self.length % BUCKETS != 0)).max(1)
    }

    /// For how many further buckets a bucket counts.
    fn span(&self) -> i64 {
        let width = self.width();
        self.length / width + i64::from(self.length % width != 0)
    }

    fn slot(&mut self, bucket: i64) -> &mut u16 {
        let at = bucket.rem_euclid(self.span() + 1);
        &mut self.buckets[usize::try_from(at).unwrap_or(0).min(BUCKETS as usize)]
    }

    /// When a bucket stops counting.
    fn end(&self, bucket: i64) -> i64 {
        bucket.saturating_add(1).saturating_add(self.span()).saturating_mul(self.width())
    }

    /// Forgets what has left the window.
    fn advance(&mut self, now: i64) {
        let bucket = now.div_euclid(self.width());
        let span = self.span();
        let ahead = bucket.saturating_sub(self.head);
        if ahead > span || (self.total == 0 && (self.head == 0 || ahead > 0)) {
            self.clear();
            self.head = bucket;
        } else if ahead > 0 {
            for new in self.head + 1..=bucket {
                let gone = std::mem::take(self.slot(new));
                self.total -= u32::from(gone);
            }
            self.head = bucket;
        } else if ahead < -span - 1 {
            // The clock went back by more than the window: waiting until it is where it was could take years. As
            // what counts happened before now, it may count as if it happened now.
            let total = self.total;
            self.clear();
            self.head = bucket;
            self.put(bucket, total);
        }
        // If it went back by less, time stands still until it has caught up.
    }

    /// Forgets everything it counted.
    pub(crate) fn clear(&mut self) {
        self.total = 0;
        self.buckets = [0; BUCKETS as usize + 1];
    }

    /// Counts so many in a bucket, or as many as it holds.
    fn put(&mut self, bucket: i64, count: u32) {
        let slot = self.slot(bucket);
        let count = u16::try_from(count).unwrap_or(u16::MAX).min(u16::MAX - *slot);
        *slot += count;
        self.total += u32::from(count);
    }

    /// Counts so many now.
    pub(crate) fn add(&mut self, now: i64, count: u32) {
        self.advance(now);
        self.put(self.head, count);
    }

    /// Counts so many that happened before now, or as late as they may have.
    pub(crate) fn add_at(&mut self, at: i64, count: u32, now: i64) {
        self.advance(now);
        self.since = self.since.min(at);
        let bucket = at.min(now).div_euclid(self.width()).min(self.head);
        if bucket >= self.head - self.span() {
            self.put(bucket, count);
        }
    }

    /// Takes some back that were counted at that time, as far as they still count.
    pub(crate) fn give_back(&mut self, at: i64, count: u32) {
        if at < self.since {
            return;
        }
        let bucket = at.div_euclid(self.width());
        if bucket < self.head.saturating_sub(self.span()) || bucket > self.head {
            // Out of the window; or of a time before the clock was set back by more than a window, and who knows then.
            return;
        }
        // It may have been counted later than it happened (see `advance`), never earlier.
        let mut left = count;
        for bucket in bucket..=self.head {
            let slot = self.slot(bucket);
            let back = u16::try_from(left).unwrap_or(u16::MAX).min(*slot);
            *slot -= back;
            self.total -= u32::from(back);
            left -= u32::from(back);
        }
    }

    /// Whether nothing counts at that time.
    pub(crate) fn is_idle(&self, now: i64) -> bool {
        self.total == 0 || self.end(self.head) <= now
    }

    /// How many count now.
    pub(crate) fn used(&mut self, now: i64) -> u32 {
        self.advance(now);
        self.total
    }

    /// How many more it admits now.
    pub(crate) fn room(&mut self, now: i64) -> u32 {
        let used = self.used(now);
        let bucket = u32::from(u16::MAX - *self.slot(self.head));
        self.max.saturating_sub(used).min(bucket)
    }

    /// When it admits so many more: now or later.
    pub(crate) fn free_at(&mut self, now: i64, count: u32) -> i64 {
        if self.room(now) >= count {
            return now;
        }
        // one that never admits so many
        let Some(most) = self.max.checked_sub(count) else { return now.saturating_add(self.length) };
        if self.total <= most {
            // its newest bucket is full
            return self.head.saturating_add(1).saturating_mul(self.width());
        }
        let mut left = self.total;
        for bucket in self.head.saturating_sub(self.span())..=self.head {
            left -= u32::from(*self.slot(bucket));
            if left <= most {
                return self.end(bucket);
            }
        }
        now.saturating_add(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Tick(i64),
        Take(u32),
        GiveBack(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..400_i64).prop_map(Step::Tick),
            5 => (1..4_u32).prop_map(Step::Take),
            1 => any::<usize>().prop_map(Step::GiveBack),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn no_stretch_of_its_length_holds_more_than_it_admits(
            length in 1..5_000_i64, max in 0..12_u32, steps in prop::collection::vec(step(), 1..300)
        ) {
            let mut window = Window::new(length, max, false, 0);
            let (mut now, mut taken) = (1_000_000_i64, Vec::new());
            for step in steps {
                match step {
                    Step::Tick(by) => now += by,
                    Step::Take(count) if window.room(now) >= count => {
                        window.add(now, count);
                        taken.extend(vec![now; count as usize]);
                    }
                    Step::Take(count) => {
                        let at = window.free_at(now, count);
                        prop_assert!(at > now);
                        // nothing counts for more than one bucket too long
                        let longest = (window.span() + 1) * window.width();
                        let within = taken.iter().filter(|t| **t > now - longest).count();
                        prop_assert!(within + count as usize > max as usize, "{within} of {max}");
                        let mut later = window;
                        prop_assert!(max < count || later.room(at) >= count);
                    }
                    Step::GiveBack(pick) if !taken.is_empty() => {
                        let at = taken.swap_remove(pick % taken.len());
                        window.give_back(at, 1);
                    }
                    Step::GiveBack(_) => {}
                }
                let within = taken.iter().filter(|t| **t > now - length).count();
                prop_assert!(within <= max as usize, "{within} of {max}");
                prop_assert!(window.used(now) as usize >= within);
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_frees_nothing_and_holds_nothing_up_for_long() {
        let mut window = Window::new(3_600, 2, false, 0);
        window.add(1_000_000, 2);
        assert_eq!(window.free_at(1_000_000 - 1_800, 1), 1_000_000 + 3_600 + 20);
        assert_eq!(window.room(500_000), 0);
        assert!(window.free_at(500_000, 1) <= 500_000 + 3_600 + 120);
    }

    #[test]
    fn what_was_never_counted_is_not_given_back() {
        let mut window = Window::new(3_600, 3, false, 1_000_000);
        window.add(1_000_100, 3);
        window.give_back(999_999, 1);
        assert_eq!(window.room(1_000_100), 0);
        window.give_back(1_000_100, 1);
        assert_eq!(window.room(1_000_100), 1);
    }

    #[test]
    fn a_full_bucket_holds_more_up_until_the_next() {
        let mut window = Window::new(3_600, 1_000_000, false, 0);
        window.add(1_000_000, 70_000);
        assert_eq!((window.room(1_000_000), window.used(1_000_000)), (0, 65_535));
        let next = window.free_at(1_000_000, 1);
        assert!(next > 1_000_000 && next <= 1_000_060);
        assert_eq!(window.room(next), 65_535);
    }

    #[test]
    fn what_was_counted_in_the_past_leaves_with_the_past() {
        let mut window = Window::new(3_600, 3, false, 0);
        window.add_at(1_000_000 - 3_000, 2, 1_000_000);
        window.add_at(1_000_000 - 4_000, 2, 1_000_000);
        assert_eq!(window.used(1_000_000), 2);
        assert_eq!(window.used(1_000_000 + 700), 0);
    }
}
