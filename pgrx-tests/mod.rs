//! Tests that run inside the database, each in a transaction that is rolled back. What needs two sessions, a
//! commit or a restart stands in `tests/`.

mod accounts;
mod actions;
mod alerts;
mod connecting;
mod identity;
mod installation;
mod posts;
mod publishing;
mod queue;
mod refresh;
mod support;
mod threads;
