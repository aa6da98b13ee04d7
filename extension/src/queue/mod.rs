//! The queue: every promise of `docs/architecture.md`, "The queue", behind functions that take and return arrays.

mod cancel;
mod claim;
mod complete;
mod enqueue;
mod extend;
pub(crate) mod fail;
pub(crate) mod job;
mod overdue;
pub(crate) mod settle;
mod snooze;
pub(crate) mod wake;
