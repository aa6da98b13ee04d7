//! One job at a time per account. A few more wait here, so that the next begins at once; what is beyond that
//! goes back to the queue, spread over the time it will take, so that an account with much to do, or a slow
//! server, takes neither the slots of others nor the database's time.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::db::Claim;

/// Claims that wait here for one account.
const MAX_WAITING: usize = 4;
/// How long a job takes, until the account's own jobs tell. Rather short: what comes back too early is put
/// back once more with a better guess, what comes back late is late.
const FIRST_GUESS: Duration = Duration::from_millis(50);
/// No job is put back for less or more.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5 * 60));

/// Where a claim goes.
#[derive(Debug)]
pub(super) enum Place {
    /// Its account is free.
    Start(Claim),
    /// It runs when the account's jobs before it have ended.
    Waiting(Claim),
    /// The account has enough to do here: its turn comes after this time.
    Surplus(Claim, Duration),
}

/// An account that is at work.
#[derive(Debug)]
struct Lane {
    waiting: VecDeque<Claim>,
    /// When the running job began.
    since: Instant,
    /// How long a job takes, smoothed.
    pace: Duration,
    /// Until when the account is taken by what was put back.
    booked: Instant,
}

impl Lane {
    fn new(now: Instant) -> Self {
        Self { waiting: VecDeque::new(), since: now, pace: FIRST_GUESS, booked: now }
    }

    /// The next turn that nobody has yet.
    fn book(&mut self, now: Instant) -> Duration {
        let ahead = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let turn = self.booked.max(now + self.pace.saturating_mul(ahead));
        // Nothing is booked beyond the longest pause: it would come back before its turn anyway.
        self.booked = (turn + self.pace).min(now + PAUSE.1);
        turn.duration_since(now).clamp(PAUSE.0, PAUSE.1)
    }
}

/// The accounts that are at work.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    busy: HashMap<Uuid, Lane>,
}

impl Lanes {
    /// Jobs without an account are never in each other's way.
    pub(super) fn place(&mut self, claim: Claim, now: Instant) -> Place {
        let Some(account_id) = claim.account_id else { return Place::Start(claim) };
        let Some(lane) = self.busy.get_mut(&account_id) else {
            self.busy.insert(account_id, Lane::new(now));
            return Place::Start(claim);
        };
        if lane.waiting.len() >= MAX_WAITING {
            return Place::Surplus(claim, lane.book(now));
        }
        lane.waiting.push_back(claim.clone());
        Place::Waiting(claim)
    }

    /// The account's job has ended: the claim that is next.
    pub(super) fn ended(&mut self, claim: &Claim, now: Instant) -> Option<Claim> {
        let account_id = claim.account_id?;
        let lane = self.busy.get_mut(&account_id)?;
        lane.pace = (lane.pace * 3 + now.duration_since(lane.since)) / 4;
        lane.since = now;
        let next = lane.waiting.pop_front();
        if next.is_none() {
            self.busy.remove(&account_id);
        }
        next
    }

    /// Everything that waits, which then no longer does.
    pub(super) fn take_waiting(&mut self) -> Vec<Claim> {
        self.busy.values_mut().flat_map(|lane| lane.waiting.drain(..)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::inflight::tests::claim;
    use super::*;

    #[test]
    fn an_account_runs_one_and_keeps_a_few_in_order() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        assert!(matches!(lanes.place(claim(1, 1, Some(7)), now), Place::Start(_)));
        for job in 2..6 {
            assert!(matches!(lanes.place(claim(job, 1, Some(7)), now), Place::Waiting(_)));
        }
        assert!(matches!(lanes.place(claim(6, 1, Some(7)), now), Place::Surplus(..)));
        assert!(matches!(lanes.place(claim(7, 1, Some(8)), now), Place::Start(_)));
        assert!(matches!(lanes.place(claim(8, 1, None), now), Place::Start(_)));
        assert!(matches!(lanes.place(claim(9, 1, None), now), Place::Start(_)));

        let next = lanes.ended(&claim(1, 1, Some(7)), now).unwrap();
        assert_eq!(next.job_id, Uuid::from_u128(2));
        assert!(matches!(lanes.place(claim(6, 1, Some(7)), now), Place::Waiting(_)));
        let waiting: Vec<_> = lanes.take_waiting().iter().map(|claim| claim.job_id.as_u128()).collect();
        assert_eq!(waiting, [3, 4, 5, 6]);
        assert!(lanes.ended(&next, now).is_none());
        assert!(matches!(lanes.place(claim(9, 1, Some(7)), now), Place::Start(_)));
    }

    #[test]
    fn what_is_put_back_is_spread_over_the_time_it_takes() {
        let (mut lanes, begun) = (Lanes::default(), Instant::now());
        // Jobs of an account that takes a second each.
        let mut running = claim(0, 1, Some(7));
        let mut now = begun;
        lanes.place(running.clone(), now);
        for job in 1..30 {
            lanes.place(claim(job, 1, Some(7)), now);
            now += Duration::from_secs(1);
            running = lanes.ended(&running, now).unwrap();
        }
        for job in 100..104 {
            assert!(matches!(lanes.place(claim(job, 1, Some(7)), now), Place::Waiting(_)));
        }
        let mut pauses = Vec::new();
        for job in 200..1_200 {
            let Place::Surplus(_, pause) = lanes.place(claim(job, 1, Some(7)), now) else { panic!("kept") };
            pauses.push(pause.as_secs_f64());
        }
        assert!((3.5..4.5).contains(&pauses[0]) && (13.0..15.0).contains(&pauses[10]), "{:?}", &pauses[..11]);
        assert!(pauses.is_sorted() && pauses.iter().all(|pause| *pause <= 300.0), "{pauses:?}");
    }
}
