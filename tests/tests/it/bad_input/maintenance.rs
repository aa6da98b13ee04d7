//! Maintenance.

use super::{Case, INVALID, NULL};

pub(super) const MAINTENANCE: &[Case] = &[
    ("run_maintenance(NULL)", NULL, "p_runner"),
    ("run_maintenance('')", INVALID, "p_runner"),
    ("run_maintenance(repeat('x', 101))", INVALID, "p_runner"),
    ("run_maintenance(p_tasks => '{nonsense}')", INVALID, "nonsense"),
    ("run_maintenance(p_tasks => '{NULL}')", INVALID, "null"),
    ("run_maintenance(p_max_ms => 0)", INVALID, "p_max_ms is 0"),
    ("run_maintenance(p_max_ms => NULL)", NULL, "p_max_ms"),
    ("run_maintenance(p_most => 0)", INVALID, "p_most is 0"),
    ("drop_old_days(NULL)", NULL, "p_max_ms"),
    ("drop_old_days(-1)", INVALID, "p_max_ms is -1"),
    ("cleanup_finished_jobs(0)", INVALID, "p_batch is 0"),
    ("cleanup_finished_jobs(NULL)", NULL, "p_batch"),
    ("cleanup_finished_jobs(2147483647)", INVALID, "p_batch is 2147483647"),
    ("cleanup_finished_jobs(p_max_ms => 600001)", INVALID, "p_max_ms is 600001"),
    ("cleanup_finished_jobs(p_grace => NULL)", NULL, "p_grace"),
    ("cleanup_finished_jobs(p_grace => '-1 day')", INVALID, "p_grace"),
    ("cleanup_leftovers(-1)", INVALID, "p_batch is -1"),
    ("cleanup_leftovers(p_max_ms => NULL)", NULL, "p_max_ms"),
    ("cleanup_old_events(0)", INVALID, "p_batch is 0"),
    ("cleanup_maintenance_log(NULL)", NULL, "p_batch"),
    ("retry_failed_jobs(10001)", INVALID, "p_batch is 10001"),
    ("retry_failed_jobs(p_max_ms => 0)", INVALID, "p_max_ms is 0"),
    ("expire_pending_jobs(0)", INVALID, "p_batch is 0"),
    ("expire_pending_jobs(NULL)", NULL, "p_batch"),
    ("expire_pending_jobs(p_max_ms => NULL)", NULL, "p_max_ms"),
    ("stuck_jobs('-1 minute')", INVALID, "p_older"),
    ("reindex_due(0)", INVALID, "p_max is 0"),
    ("reindex_due(NULL)", NULL, "p_max"),
];
