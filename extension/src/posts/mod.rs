//! Posts: content written once, a target per account and part of a thread.

mod cancel;
mod create;
mod get;
mod thread;

pub(crate) use create::check_status;
