//! One module for each page: what it asks for, and what it shows of it.

pub(super) mod account;
pub(super) mod accounts;
pub(super) mod activity;
pub(super) mod analytics;
pub(super) mod calendar;
pub(super) mod compose;
pub(super) mod connect;
pub(super) mod inbox;
pub(super) mod planning;
pub(super) mod post;
pub(super) mod posts;
pub(super) mod queue;
pub(super) mod schedule;
pub(super) mod schedules;
pub(super) mod sign_in;
pub(super) mod workspaces;

use super::stop::Stop;

pub(super) async fn no_such_page() -> Stop {
    Stop::NotFound
}
