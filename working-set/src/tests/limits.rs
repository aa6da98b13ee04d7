//! What limits promise, case by case; [`record`] compares them with what a naive record allows.

mod record;

use super::{ALL, Memory, job};
use crate::types::{
    BreakerRule, Filter, Full, Gated, KindPolicy, KindRule, LimitRule, NewJob, Node, Own, OwnLimit,
    PlatformRule, PriceRule, Rules, SPEND, State, USED_UP,
};
use crate::{Capacity, Set};

const KINDS: [&str; 3] = ["publish_post", "like", "plain"];
const ACTIONS: [&str; 3] = ["publish", "like", ""];
/// What they cost.
const PRICES: [u32; 3] = [3, 1, 0];
const BREAKER: BreakerRule = BreakerRule { failures: 3, window: 50, pause: 20, max_pause: 70 };
const PLATFORM: PlatformRule<'static> = PlatformRule {
    platform: "x",
    account_concurrency: 2,
    concurrency: 3,
    account_gap: 5,
    gap: 0,
    breaker: BREAKER,
};
const OWNER_CONCURRENCY: u32 = 2;

fn limit(action: &'static str, shared: bool, length: i64, max: u32) -> LimitRule<'static> {
    LimitRule { platform: "x", action, shared, length, max }
}

fn limits() -> [LimitRule<'static>; 6] {
    [
        limit("publish", false, 120, 4),
        limit("publish", false, 600, 9),
        limit("publish", true, 60, 5),
        limit("like", false, 60, 2),
        limit(SPEND, false, 100, 8),
        limit(SPEND, true, 70, 11),
    ]
}

fn set_rules(set: &mut Set<'_>, own: &[OwnLimit<'_>], now: i64) {
    let kinds = [0, 1, 2].map(|at| KindRule {
        kind: KINDS[at],
        action: ACTIONS[at],
        policy: KindPolicy {
            owner_concurrency: if at == 2 { OWNER_CONCURRENCY } else { 0 },
            ..Default::default()
        },
    });
    let prices = [0, 1].map(|at| PriceRule { platform: "x", action: ACTIONS[at], price: PRICES[at] });
    let rules = Rules { kinds: &kinds, platforms: &[PLATFORM], limits: &limits(), own, prices: &prices };
    set.set_rules(0, &rules, now).expect("room");
}

#[test]
fn a_gate_that_many_wait_at_lets_the_best_through_first() {
    let mut memory = Memory::new(Capacity::for_jobs(8_000));
    let mut set = memory.set();
    set.open_db(7);
    let platform = PlatformRule { platform: "x", concurrency: 1, ..PlatformRule::default() };
    let kinds = [KindRule { kind: "k", action: "publish", policy: KindPolicy::default() }];
    let rules = Rules { kinds: &kinds, platforms: &[platform], ..Rules::default() };
    set.set_rules(0, &rules, 0).expect("room");
    for id in 1..=2_000_u128 {
        let priority = i32::from(id == 1_500);
        let new = NewJob { account: id, platform: "x", priority, ..job(id) };
        set.add(0, &new, 0, -9).expect("room");
    }
    let mut order = Vec::new();
    for now in 1..=2_000 {
        let mut out = Vec::new();
        set.claim(0, 1, now, &ALL, 10, now, now + 50, &[], &mut out);
        assert_eq!(out.len(), 1, "one at a time");
        let ix = out[0].ix;
        order.push(set.get(ix).id);
        let node = set.get(ix);
        set.change(ix, &Node { state: State::Gone, ..node });
        assert_eq!(set.release(ix, now) > 0, now < 2_000, "somebody waits for it");
    }
    let expected: Vec<u128> = [1_500].into_iter().chain((1..=2_000).filter(|id| *id != 1_500)).collect();
    assert_eq!(order, expected);
}

#[test]
fn a_worker_for_few_kinds_gets_past_the_lanes_of_others() {
    let mut memory = Memory::new(Capacity::for_jobs(8_000));
    let mut set = memory.set();
    set.open_db(7);
    let platform = PlatformRule { platform: "x", concurrency: 1, ..PlatformRule::default() };
    let kinds = ["k", "l"].map(|kind| KindRule { kind, action: kind, policy: KindPolicy::default() });
    let rules = Rules { kinds: &kinds, platforms: &[platform], ..Rules::default() };
    set.set_rules(0, &rules, 0).expect("room");
    for id in 1..=2_000_u128 {
        let kind = if id == 2_000 { "l" } else { "k" };
        set.add(0, &NewJob { account: id, platform: "x", kind, ..job(id) }, 0, -9).expect("room");
    }
    let block = Gated::Site("x", "");
    set.block(0, block, 50, 1).expect("room");
    let mut out = Vec::new();
    set.claim(0, 1, 2, &ALL, 10, 2, 90, &[], &mut out);
    assert!(out.is_empty(), "all wait");
    assert_eq!(set.next_due(0, 1, 2, &ALL, &[]), Some(50));
    let filter = Filter { kinds: Some(&["l"]), ..ALL };
    set.claim(0, 1, 60, &filter, 10, 60, 90, &[], &mut out);
    assert_eq!(out.len(), 1, "what it takes is found among the others");
    set.check();
}

#[test]
fn a_breaker_opens_lets_one_try_and_closes() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    let platform = PlatformRule { platform: "x", breaker: BREAKER, ..PlatformRule::default() };
    let kinds = [KindRule { kind: "k", action: "publish", policy: KindPolicy::default() }];
    set.set_rules(0, &Rules { kinds: &kinds, platforms: &[platform], ..Rules::default() }, 0).expect("room");
    for id in 1..=12_u128 {
        set.add(0, &NewJob { account: id, platform: "x", ..job(id) }, 0, -9).expect("room");
    }
    let claim = |set: &mut Set<'_>, now: i64, max: usize| {
        let mut out = Vec::new();
        set.claim(0, 1, now, &ALL, max, now, now + 900, &[], &mut out);
        out.into_iter().map(|pick| pick.ix).collect::<Vec<_>>()
    };
    let end = |set: &mut Set<'_>, ix: u32, worked: bool, now: i64| {
        set.report(ix, worked, now);
        let node = set.get(ix);
        set.change(ix, &Node { state: State::Gone, ..node });
        set.release(ix, now);
    };
    // a success in between starts the count anew
    for (worked, ix) in [false, false, true, false, false].into_iter().zip(claim(&mut set, 1, 5)) {
        end(&mut set, ix, worked, 1);
    }
    let ix = claim(&mut set, 2, 1)[0];
    end(&mut set, ix, false, 2);
    assert_eq!(claim(&mut set, 3, 5), [], "open");
    assert_eq!(set.next_due(0, 1, 3, &ALL, &[]), Some(22));
    let (tripped, more) = set.tripped(0, 0, 1_000);
    assert_eq!((tripped.len(), more, tripped[0].platform.as_str()), (1, None, "x"));
    let probe = claim(&mut set, 22, 5);
    assert_eq!(probe.len(), 1, "one may try");
    end(&mut set, probe[0], false, 23);
    assert_eq!(claim(&mut set, 42, 5), [], "twice as long");
    let probe = claim(&mut set, 63, 5);
    assert_eq!(probe.len(), 1);
    end(&mut set, probe[0], true, 64);
    assert_eq!(claim(&mut set, 64, 9).len(), 4, "closed: all that is left");
    assert_eq!(set.tripped(0, 0, 1_000).0, []);
}

#[test]
fn what_is_not_needed_makes_room_and_what_is_stays() {
    let mut memory = Memory::new(Capacity { gates: 4, windows: 4, ..Capacity::for_jobs(100) });
    let mut set = memory.set();
    set.open_db(7);
    for now in 0..100 {
        let (admitted, usage) = set.admit(0, 1 + now as u128, 10, 1, 20 * now).expect("idle ones make room");
        assert!(admitted && usage.used == 1);
    }
    let now = 2_000;
    for number in 1_000..1_004 {
        set.admit(0, number, 100_000, 1, now).expect("room");
    }
    assert_eq!(set.admit(0, 9, 10, 1, now), Err(Full::Room), "what still counts is kept");
    assert!(!set.admit(0, 1_000, 100_000, 1, now + 9_000).expect("known").0);
}

#[test]
fn more_windows_than_a_gate_can_have_close_it_and_nothing_else() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    set_rules(&mut set, &[], 0);
    let own: Vec<Own> = (1..6).map(|n| Own { length: n * 1_000_000, max: 5, bound: false }).collect();
    set.set_own_limits(0, 1, ("x", "like"), &own, 0).expect("a gate");
    assert_eq!(set.unfit(0), 1);
    for account in [1, 2] {
        let new = NewJob { account, kind: "like", platform: "x", ..job(account) };
        set.add(0, &new, 0, 0).expect("room");
    }
    let claimed = super::claim(&mut set, 5, &ALL, 10);
    assert_eq!(claimed, [2]);
    set.set_own_limits(0, 1, ("x", "like"), &[], 10).expect("a gate");
    assert_eq!((set.unfit(0), super::claim(&mut set, 20, &ALL, 10)), (0, vec![1]));
}

#[test]
fn an_account_is_not_limited_less_than_its_platform_unless_an_operator_says_so() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    set_rules(&mut set, &[], 0);
    let max = |set: &mut Set<'_>| set.status(0, Gated::Action(1, "x", "like"), 0).windows[0].max;
    for (bound, expected) in [(true, 2), (false, 9)] {
        let own = Own { length: 60, max: 9, bound };
        set.set_own_limits(0, 1, ("x", "like"), &[own], 0).expect("a gate");
        assert_eq!(max(&mut set), expected);
        set_rules(&mut set, &[OwnLimit { account: 1, platform: "x", action: "like", limit: own }], 0);
        assert_eq!(max(&mut set), expected);
    }
}

#[test]
fn one_account_that_fails_does_not_close_its_server() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    let platform = PlatformRule { platform: "x", breaker: BREAKER, ..PlatformRule::default() };
    let kinds = [KindRule { kind: "k", action: "publish", policy: KindPolicy::default() }];
    set.set_rules(0, &Rules { kinds: &kinds, platforms: &[platform], ..Rules::default() }, 0).expect("room");
    for id in 1..=5_u128 {
        let account = if id == 5 { 2 } else { 1 };
        set.add(0, &NewJob { account, platform: "x", ..job(id) }, 0, -9).expect("room");
    }
    let mut out = Vec::new();
    set.claim(0, 1, 1, &ALL, 5, 1, 900, &[], &mut out);
    let (others, own): (Vec<_>, Vec<_>) =
        out.into_iter().map(|pick| pick.ix).partition(|ix| set.account(*ix) == 2);
    for ix in &own {
        set.report(*ix, false, 2);
    }
    let accounts =
        |set: &Set<'_>| set.tripped(0, 0, 99).0.iter().map(|open| open.account).collect::<Vec<_>>();
    assert_eq!(accounts(&set), [1], "only its own");
    set.report(others[0], false, 3);
    assert_eq!(accounts(&set), [1, 0], "another one fails too");
}

#[test]
fn what_may_have_been_done_stays_counted_beside_the_next_try() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    set_rules(&mut set, &[], 1_000);
    set.add(0, &NewJob { account: 1, kind: "like", platform: "x", ..job(1) }, 0, 0).expect("room");
    let used = |set: &mut Set<'_>, now| set.status(0, Gated::Action(1, "x", "like"), now).windows[0].used;
    for (round, kept) in [(1_000, USED_UP), (1_010, USED_UP)] {
        let mut out = Vec::new();
        set.claim(0, 1, round, &ALL, 1, round, round + 900, &[], &mut out);
        assert_eq!(out.len(), 1);
        let node = set.get(out[0].ix);
        set.change(out[0].ix, &Node { state: State::Waiting, used_at: kept, ..node });
        set.release(out[0].ix, round);
    }
    assert_eq!(used(&mut set, 1_010), 2);
    assert_eq!(super::claim(&mut set, 1_020, &ALL, 1), [] as [u128; 0]);
}
