//! Pure types and algorithms that the extension and the sidecar both need.
//!
//! Nothing here performs I/O, reads a clock or knows Postgres: what the extension accepts and what the
//! sidecar sends are judged by the same code.

pub mod action;
pub mod canonical;
pub mod cursor;
pub mod error_class;
pub mod media;
pub mod platform;
pub mod recurrence;
pub mod refresh;
pub mod retry;
pub mod rights;
pub mod sealed;
pub mod sketch;
pub mod target;
pub mod text;
pub mod thread;
pub mod validate;
