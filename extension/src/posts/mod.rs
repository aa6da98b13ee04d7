//! Posts: content written once, a target per account.

mod cancel;
mod create;
mod get;

pub(crate) use create::check_status;
