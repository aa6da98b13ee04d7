//! The set against a naive model, and the promises about order, fairness and room.
#![allow(unsafe_code)]

mod limits;
mod model;

use std::ptr::NonNull;

use crate::types::{Filter, Full, NEVER, NewJob, Node, Picked, Scope, State};
use crate::{Capacity, Set};

/// Memory as the server gives it.
struct Memory(Vec<u128>);

impl Memory {
    fn new(capacity: Capacity) -> Self {
        let mut memory = Self(vec![0; capacity.bytes() / 16 + 8]);
        unsafe { Set::format(memory.block(), capacity) };
        memory
    }

    fn block(&mut self) -> NonNull<u8> {
        let start = self.0.as_mut_ptr().cast::<u8>();
        let start = start.wrapping_add(start.align_offset(64));
        NonNull::new(start).expect("memory")
    }

    fn set(&mut self) -> Set<'_> {
        unsafe { Set::open(self.block()) }
    }
}

const NOW: i64 = 10;
const ALL: Filter<'static> = Filter { kinds: None, platforms: None, workspaces: None };

fn job(id: u128) -> NewJob<'static> {
    NewJob {
        id,
        workspace: 0,
        account: 0,
        user: 0,
        kind: "k",
        platform: "",
        host: "",
        priority: 0,
        run_at: 0,
        expires_at: NEVER,
        attempt: 0,
        max_attempts: 3,
        lost_leases: 0,
        flags: 0,
        lease: None,
    }
}

fn claim(set: &mut Set<'_>, now: i64, filter: &Filter<'_>, max: usize) -> Vec<u128> {
    let mut out: Vec<Picked> = Vec::new();
    set.claim(0, 1, now, filter, max, now + 1, now + 100, &[], &mut out);
    for pick in &out {
        set.release(pick.ix, NOW);
    }
    set.check();
    out.iter().map(|pick| pick.before.id).collect()
}

fn complete(set: &mut Set<'_>, id: u128) {
    let ix = set.find(0, id).expect("the job");
    let node = set.lock(ix, 1).expect("nobody else's");
    set.change(ix, &Node { state: State::Gone, ..node });
    set.release(ix, NOW);
}

#[test]
fn the_order_is_priority_then_time_then_id() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    for (id, kind, priority, run_at) in
        [(1, "a", -1, 0), (2, "b", 0, 5), (3, "a", 0, 5), (4, "b", 9, 7), (5, "c", 0, 4)]
    {
        set.add(0, &NewJob { kind, priority, run_at, ..job(id) }, 0, -9).expect("room");
    }
    assert_eq!(claim(&mut set, 10, &ALL, 10), [4, 5, 2, 3, 1], "across kinds of the same owner");
}

#[test]
fn one_owner_with_many_jobs_delays_nobody_by_more_than_one() {
    let mut memory = Memory::new(Capacity::for_jobs(120_000));
    let mut set = memory.set();
    set.open_db(7);
    for id in 1..=100_000 {
        set.add(0, &NewJob { account: 1, ..job(id) }, 0, NOW).expect("room");
    }
    let first = claim_quietly(&mut set, 1_000);
    assert!(first.iter().all(|id| *id <= 100_000));
    for account in 2..=50 {
        set.add(0, &NewJob { account, run_at: 9, kind: "other", ..job(200_000 + account) }, 0, NOW)
            .expect("room");
    }
    let next = claim_quietly(&mut set, 50);
    let others = next.iter().filter(|id| **id > 100_000).count();
    assert_eq!(others, 49, "expected everyone else's job and one of the first: {next:?}");
    // somebody who comes later gets no turns that went by
    set.add(0, &NewJob { account: 99, ..job(300_000) }, 0, NOW).expect("room");
    set.add(0, &NewJob { account: 99, ..job(300_001) }, 0, NOW).expect("room");
    set.add(0, &NewJob { account: 99, ..job(300_002) }, 0, NOW).expect("room");
    let next = claim_quietly(&mut set, 4);
    assert_eq!(next.iter().filter(|id| **id >= 300_000).count(), 2, "turn by turn: {next:?}");
}

fn claim_quietly(set: &mut Set<'_>, max: usize) -> Vec<u128> {
    let mut out = Vec::new();
    set.claim(0, 1, 10, &ALL, max, 1, 100, &[], &mut out);
    for pick in &out {
        set.release(pick.ix, NOW);
    }
    out.iter().map(|pick| pick.before.id).collect()
}

#[test]
fn filters_choose() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    for (id, kind, platform, workspace) in [
        (1, "a", "x", 1),
        (2, "b", "x", 1),
        (3, "a", "y", 2),
        (4, "a", "", 0),
        (5, "a", "x", 3),
        (6, "a", "x", 2),
    ] {
        set.add(0, &NewJob { kind, platform, workspace, account: workspace, ..job(id) }, 0, -9)
            .expect("room");
    }
    let next = |set: &mut Set<'_>, filter: Filter<'_>| {
        let due = set.next_due(0, 1, 5, &filter, &[]);
        let ids = claim(set, 5, &filter, 10);
        assert!(due.is_some_and(|due| due <= 5) || filter.workspaces.is_some() || ids.is_empty());
        ids
    };
    assert_eq!(next(&mut set, Filter { kinds: Some(&["b", "c"]), ..ALL }), [2]);
    assert_eq!(next(&mut set, Filter { platforms: Some(&["y"]), ..ALL }), [3]);
    assert_eq!(next(&mut set, Filter { workspaces: Some(&[2, 3]), ..ALL }), [5, 6]);
    assert_eq!(next(&mut set, Filter { kinds: Some(&[]), ..ALL }), []);
    assert_eq!(next(&mut set, ALL), [4, 1], "the first has had a turn already");
}

#[test]
fn what_is_paused_is_not_handed_out() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    let scopes = [Scope::All, Scope::Kind("a"), Scope::Platform("x"), Scope::Account(8), Scope::Workspace(9)];
    for (round, scope) in (1..).zip(scopes) {
        for late in [false, true] {
            let id = round * 10 + u128::from(late);
            if late {
                assert!(set.pause(0, scope, true));
            }
            let new = NewJob { kind: "a", platform: "x", account: 8, workspace: 9, ..job(id) };
            set.add(0, &new, 0, -9).expect("room");
            if !late {
                // due before the pause
                assert_eq!(set.next_due(0, 1, 5, &ALL, &[]), Some(0));
                let nothing = claim(&mut set, -1, &ALL, 10);
                assert_eq!(nothing, []);
            }
        }
        assert_eq!(claim(&mut set, 5, &ALL, 10), [], "{scope:?}");
        assert_eq!(set.next_due(0, 1, 5, &ALL, &[]).filter(|at| *at > 5), None, "{scope:?}");
        set.pause(0, scope, false);
        assert_eq!(claim(&mut set, 5, &ALL, 10), [round * 10, round * 10 + 1], "{scope:?}");
    }
    assert!(set.pause(0, Scope::Kind("b"), true) && set.pause(0, Scope::All, true));
    set.resume_all(0);
    set.add(0, &NewJob { kind: "b", ..job(1) }, 0, -9).expect("room");
    assert_eq!(claim(&mut set, 5, &ALL, 10), [1]);
}

#[test]
fn a_full_set_refuses_and_stays_whole() {
    let capacity =
        Capacity { nodes: 20, lanes: 10, owners: 8, classes: 4, databases: 2, gates: 8, windows: 8 };
    let mut memory = Memory::new(capacity);
    let mut set = memory.set();
    assert_eq!(
        (set.open_db(1), set.open_db(2), set.open_db(3), set.open_db(1)),
        (Some(0), Some(1), None, Some(0))
    );
    let kinds = ["a", "b", "c", "d", "e", "f"];
    let mut added = Vec::new();
    for id in 1..=60 {
        let new = NewJob { account: id % 11, kind: kinds[id as usize % 6], ..job(id) };
        match set.add(0, &new, 0, 0) {
            Ok(_) => added.push(id),
            Err(full) => assert_eq!(full, Full::Room),
        }
        set.check();
    }
    assert_eq!(set.add(0, &job(added[0]), 0, 0), Err(Full::Present));
    let long = "x".repeat(401);
    assert_eq!(set.add(0, &NewJob { kind: &long, ..job(99) }, 0, 0), Err(Full::Name));
    for id in added {
        complete(&mut set, id);
        set.check();
    }
    assert!(set.is_empty());
}

#[test]
fn the_oldest_token_counts_until_its_end_is_certain() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    set.open_db(8);
    for id in 1..=3 {
        set.add(0, &job(id), 0, -9).expect("room");
    }
    assert_eq!(set.oldest_token(0), None);
    assert_eq!((claim(&mut set, 20, &ALL, 1), claim(&mut set, 30, &ALL, 1)), (vec![1], vec![2]));
    assert_eq!((set.oldest_token(0), set.oldest_token(1)), (Some(21), None));
    // it ends, unless the transaction is rolled back
    let ix = set.find(0, 1).expect("the job");
    let node = set.lock(ix, 1).expect("nobody else's");
    set.change(ix, &Node { state: State::Gone, ..node });
    assert_eq!(set.oldest_token(0), Some(21));
    set.release(ix, NOW);
    assert_eq!(set.oldest_token(0), Some(31));
    // one that was never claimed has no token, whoever has locked it
    let ix = set.find(0, 3).expect("the job");
    set.lock(ix, 1).expect("nobody else's");
    assert_eq!(set.oldest_token(0), Some(31));
}

#[test]
fn what_ends_while_the_log_is_read_does_not_come_back() {
    let mut memory = Memory::new(Capacity::for_jobs(10));
    let mut set = memory.set();
    set.open_db(7);
    set.add(0, &job(1), 0, -9).expect("room");
    let (first, second) = (set.begin_load(0).expect("room"), set.begin_load(0).expect("room"));
    complete(&mut set, 1);
    let later = set.begin_load(0).expect("room");
    assert_eq!(set.add(0, &job(1), 0, 0), Err(Full::Ended), "the reader saw it unfinished");
    assert_eq!(set.lock(set.find(0, 1).expect("findable"), 1), None);
    set.end_load(0, second);
    assert!(set.find(0, 1).is_some());
    set.end_load(0, first);
    assert!(set.find(0, 1).is_none(), "who began later can't have seen it");
    set.end_load(0, later);
    assert!(set.is_empty());
}

/// Prints how long a job takes: `cargo test -p crier-queue --release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn nanoseconds_per_job() {
    for jobs in [1_000_u128, 1_000_000] {
        let mut memory = Memory::new(Capacity::for_jobs(1_100_000));
        let mut set = memory.set();
        set.open_db(7);
        let start = std::time::Instant::now();
        for id in 1..=jobs {
            set.add(0, &NewJob { account: id % 1_000, ..job(id) }, 0, -9).expect("room");
        }
        let added = start.elapsed();
        let start = std::time::Instant::now();
        for _ in 0..jobs / 500 {
            let mut out = Vec::new();
            set.claim(0, 1, 10, &ALL, 500, 1, 100, &[], &mut out);
            for pick in &out {
                set.release(pick.ix, NOW);
            }
            for pick in &out {
                let node = set.lock(pick.ix, 1).expect("ours");
                set.change(pick.ix, &Node { state: State::Gone, ..node });
                set.release(pick.ix, NOW);
            }
        }
        let per_job = |time: std::time::Duration| time.as_nanos() / jobs;
        println!(
            "{jobs} jobs: add {} ns, claim and complete {} ns each",
            per_job(added),
            per_job(start.elapsed())
        );
    }
}
