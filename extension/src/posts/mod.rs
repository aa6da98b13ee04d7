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
mod take_back;
mod thread;
mod update;
mod validate;

pub(crate) use cancel::cancel_targets;
pub(crate) use definition::Definition;
pub(crate) use due::AHEAD;
pub(crate) use store::{NewPost, check, check_accounts, check_status};
pub(crate) use take_back::{TakenBack, take_back};
