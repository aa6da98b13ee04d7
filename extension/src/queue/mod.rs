//! The queue: every promise of `docs/queue.md` behind functions that take and return arrays.

mod cancel;
pub(crate) mod checkpoint;
mod claim;
pub(crate) mod complete;
pub(crate) mod configure;
mod dead;
mod enqueue;
mod exchange;
mod extend;
pub(crate) mod fail;
mod hand_out;
pub(crate) mod held;
pub(crate) mod job;
pub(crate) mod kinds;
mod live;
pub(crate) mod load;
mod operate;
mod overdue;
mod pause;
pub(crate) mod retry;
pub(crate) mod settle;
mod snooze;
mod stale;
pub(crate) mod stored;
mod stuck;
pub(crate) mod tenant_limits;
mod user_limits;
