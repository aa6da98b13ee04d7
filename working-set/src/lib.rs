//! The queue's working set: which jobs wait, are due, are leased, and which one is handed out next.
//!
//! It lives in one block of memory that several processes share, so it holds indices and never pointers, and takes
//! nothing from any allocator. Whoever calls it holds one lock around every call: there is no concurrency in here.
//! It knows no database: jobs that a transaction has touched are *locked* by it ([`Set::lock`]), and the caller says
//! what becomes of them ([`Set::release`], [`Set::restore`], [`Set::discard`]).
//!
//! Times are microseconds from any epoch, [`NEVER`] is no time at all; ids are 128 bits, 0 is none.
//!
//! The order in which jobs are handed out: priority, then fair turns for owners, then `run_at`, then id. An *owner* is
//! whoever must be treated fairly: an account, otherwise a user, of one workspace. Each owner has one job handed out a
//! turn, so that one with 100,000 due jobs delays nobody else's by more than one job; within an owner the order is
//! strict. What an account does on a platform goes through *gates*, which limit it: who has to wait there is not looked at
//! until it may go on.

mod block;
mod claim;
mod gate;
mod gates;
mod heap;
mod jobs;
mod lanes;
mod limits;
mod loads;
mod passage;
mod pause;
mod places;
mod pool;
mod rules;
mod survey;
mod types;
mod window;

#[cfg(test)]
mod check;
#[cfg(test)]
mod tests;

pub use block::{Capacity, Set};
pub use types::{
    BreakerRule, Counts, Db, Filter, Full, GateStatus, Gated, Ix, KindPolicy, KindRule, Lease, LimitRule,
    MARKED, NEVER, NewJob, Node, Own, OwnLimit, Picked, PlatformRule, PriceRule, Rules, SPEND, Scope, State,
    Tripped, USED_UP, Usage,
};
