//! Posts: content written once, a target per account and part of a thread.

mod approval;
mod cancel;
mod create;
mod definition;
mod delete;
mod due;
mod duplicate;
mod get;
mod plan;
mod replan;
mod reschedule;
mod retry;
mod slots;
mod store;
mod thread;
mod update;

pub(crate) use store::check_status;
