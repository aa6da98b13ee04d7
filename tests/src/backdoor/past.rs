//! A database as years of work leave it, for plans and starts.

use crate::session::Session;

/// A history that years of work leave. See `backdoor/past.sql`.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// Days before today.
    pub days: i32,
    /// Jobs of each of them.
    pub per_day: i32,
    /// How many jobs of each of them are unfinished.
    pub open: i32,
    /// Unfinished jobs of today.
    pub live: i32,
}

/// Fills a new database with it, and tells the planner.
pub async fn fill(superuser: &Session, past: Past) {
    let Past { days, per_day, open, live } = past;
    superuser.run("SET synchronous_commit = off").await;
    superuser.run(include_str!("past.sql")).await;
    superuser.rows("SELECT pg_temp.make_past_partitions($1)", &[&days]).await;
    superuser.rows("SELECT pg_temp.fill($1, $2, $3, $4)", &[&days, &per_day, &open, &live]).await;
    superuser.run("ANALYZE").await;
    superuser.run("RESET synchronous_commit").await;
}
