//! The Postgres extension `crier`: the queue, posts, publishing and accounts as SQL functions.
//!
//! This file is the table of contents. `docs/architecture.md` explains how the parts fit together.

use pgrx::prelude::*;

mod accounts;
mod actions;
mod activity;
mod alerts;
mod analytics;
mod answer;
mod cache;
mod clock;
mod connecting;
mod dedupe;
mod durable;
mod elements;
mod error;
mod idempotency;
mod identity;
mod input;
mod installation;
mod job_log;
mod keys;
mod latch;
mod limits;
mod memory;
mod migrate;
mod pages;
mod passed;
mod plans;
mod posts;
mod publishing;
mod queue;
mod schedules;
mod statistics;
mod subtransaction;
mod times;
mod transaction;
mod waiters;
mod webhooks;
mod workspaces;

pgrx::pg_module_magic!(name, version);

/// Called by the server when it loads the library.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    memory::init();
}

extension_sql_file!("../../sql/install/s010_roles.sql", bootstrap);
extension_sql_file!("../../sql/install/s090_storage.sql");
extension_sql_file!("../../sql/install/s100_partitions.sql", requires = ["s090_storage"]);
extension_sql_file!("../../sql/install/s105_months.sql", requires = ["s100_partitions"]);
extension_sql_file!("../../sql/install/s110_tasks.sql", requires = ["s105_months"]);
extension_sql_file!("../../sql/install/s120_old_days.sql", requires = ["s110_tasks"]);
extension_sql_file!("../../sql/install/s125_history.sql", requires = ["s120_old_days"]);
extension_sql_file!("../../sql/install/s130_cleanup.sql", requires = ["s125_history"]);
extension_sql_file!("../../sql/install/s135_oauth_cleanup.sql", requires = ["s130_cleanup"]);
extension_sql_file!("../../sql/install/s136_purge_workspaces.sql", requires = ["s135_oauth_cleanup"]);
extension_sql_file!("../../sql/install/s140_maintenance.sql", requires = ["s136_purge_workspaces"]);
extension_sql_file!("../../sql/install/s150_reindex.sql", requires = ["s140_maintenance"]);
extension_sql_file!("../../sql/install/s160_table_page.sql", requires = ["s150_reindex"]);
extension_sql_file!("../../sql/install/s200_sums.sql", requires = ["s160_table_page"]);
extension_sql_file!("../../sql/install/s210_statistics.sql", requires = ["s200_sums"]);
extension_sql_file!("../../sql/install/s220_alerts.sql", requires = ["s210_statistics"]);
extension_sql_file!("../../sql/install/s230_check_alerts.sql", requires = ["s220_alerts"]);
extension_sql_file!("../../sql/install/s240_people.sql", requires = ["s230_check_alerts"]);
extension_sql_file!("../../sql/install/s250_metrics.sql", requires = ["s240_people"]);
extension_sql_file!("../../sql/install/s260_analytics.sql", requires = ["s250_metrics"]);
extension_sql_file!("../../sql/install/s265_readings.sql", requires = ["s260_analytics"]);
extension_sql_file!("../../sql/install/s270_api_metrics.sql", requires = ["s265_readings"]);
extension_sql_file!("../../sql/install/s280_cache.sql", requires = ["s270_api_metrics"]);
extension_sql_file!("../../sql/install/s290_user_statistics.sql", requires = ["s280_cache"]);
extension_sql_file!("../../sql/install/s300_api_keys.sql", requires = ["s290_user_statistics"]);
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
