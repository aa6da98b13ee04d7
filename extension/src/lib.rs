//! The Postgres extension `crier`: the queue, posts, publishing and accounts as SQL functions.
//!
//! This file is the table of contents. `docs/architecture.md` explains how the parts fit together.

use pgrx::prelude::*;

mod accounts;
mod answer;
mod clock;
mod dedupe;
mod durable;
mod error;
mod identity;
mod input;
mod installation;
mod latch;
mod limits;
mod memory;
mod migrate;
mod passed;
mod plans;
mod posts;
mod publishing;
mod queue;
mod statistics;
mod transaction;
mod waiters;
mod workspaces;

pgrx::pg_module_magic!(name, version);

/// Called by the server when it loads the library.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    memory::init();
}

extension_sql_file!("../../sql/install/s010_roles.sql", bootstrap);
extension_sql_file!("../../sql/install/s100_partitions.sql");
extension_sql_file!("../../sql/install/s200_sums.sql", requires = ["s100_partitions"]);
extension_sql_file!("../../sql/install/s210_statistics.sql", requires = ["s200_sums"]);
extension_sql_file!("../../sql/install/s220_alerts.sql", requires = ["s210_statistics"]);
extension_sql_file!("../../sql/install/s900_access.sql", finalize);

#[cfg(any(test, feature = "pg_test"))]
#[path = "../../pgrx-tests/mod.rs"]
mod in_database_tests;

/// What `cargo pgrx test` calls before the first test.
#[cfg(test)]
pub mod pg_test {
    /// Nothing to prepare.
    pub fn setup(_options: Vec<&str>) {}

    /// What the cluster of the tests needs.
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec!["shared_preload_libraries = 'crier'"]
    }
}
