//! Posts: content written once, a target per account.

mod cancel;
mod create;
mod get;
