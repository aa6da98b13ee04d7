//! Kinds of jobs that are claimed together. Those that publish come first: all others get a share of the places, so that
//! neither many likes nor an endpoint that hangs hold up a post. Where they do something on a platform, only what there is a
//! provider for is taken.

use crate::jobs::Jobs;

/// What kinds that don't publish may take: a quarter of the places, and one at least.
const SHARE: usize = 4;

/// Kinds that are claimed together.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) kinds: Vec<&'static str>,
    /// Only for these platforms; none where the kinds have no platform.
    pub(super) platforms: Option<Vec<&'static str>>,
    /// The most jobs of it at a time.
    most: usize,
    running: usize,
    /// Something may be due.
    pub(super) due: bool,
}

impl Lane {
    /// The lanes of these jobs.
    pub(super) fn all(jobs: &Jobs, platforms: Vec<&'static str>, concurrency: usize) -> Vec<Self> {
        let lane = |kinds, platforms, most| Self { kinds, platforms, most, running: 0, due: true };
        let share = (concurrency / SHARE).max(1);
        vec![
            lane(jobs.kinds(|job| job.has_target()), Some(platforms.clone()), concurrency),
            lane(jobs.kinds(|job| job.has_platform() && !job.has_target()), Some(platforms), share),
            lane(jobs.kinds(|job| !job.has_platform()), None, share),
        ]
    }

    /// How many it may take where `free` places are free.
    pub(super) fn room(&self, free: usize) -> usize {
        self.most.saturating_sub(self.running).min(free)
    }

    /// So many were asked for and so many came: as many as asked for means that there may be more.
    pub(super) fn claimed(&mut self, asked: usize, came: usize) {
        self.running += came;
        self.due = came >= asked;
    }

    /// One of its jobs has ended.
    pub(super) fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_publish_gets_a_share() {
        for (concurrency, share) in [(1, 1), (3, 1), (8, 2), (100, 25)] {
            let mut lanes = Lane::all(&Jobs::new(), vec!["bluesky"], concurrency);
            assert_eq!(lanes[0].room(concurrency), concurrency);
            assert_eq!((lanes[1].room(concurrency), lanes[2].room(concurrency)), (share, share));
            lanes[1].claimed(share, share);
            assert_eq!((lanes[1].room(concurrency), lanes[1].due), (0, true));
            lanes[1].ended();
            assert_eq!(lanes[1].room(concurrency), 1);
            assert_eq!(lanes[1].room(0), 0);
            lanes[1].claimed(1, 0);
            assert!(!lanes[1].due);
        }
    }

    #[test]
    fn every_kind_is_in_one_lane() {
        let lanes = Lane::all(&Jobs::new(), vec![], 8);
        let kinds: Vec<_> = lanes.iter().map(|lane| lane.kinds.join(" ")).collect();
        assert_eq!(
            kinds,
            [
                "publish_post publish_comment",
                "like follow send_dm delete_post read_metrics",
                "deliver_alert process_webhook"
            ]
        );
        let with_platform: Vec<_> = lanes.iter().map(|lane| lane.platforms.is_some()).collect();
        assert_eq!(with_platform, [true, true, false]);
    }
}
