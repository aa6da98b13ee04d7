//! Has the database give what is due soon its jobs. It looks an hour ahead, so that this need not be on time.

use std::time::Duration;

use tracing::{debug, warn};

use crate::db::Db;

/// How often the database is asked.
const EVERY: Duration = Duration::from_secs(10);

/// Runs for ever.
pub(crate) async fn run(db: Db) {
    loop {
        match db.run_due().await {
            Ok(due) => {
                if due.targets + due.occurrences > 0 {
                    debug!(
                        targets = due.targets,
                        occurrences = due.occurrences,
                        "what is due soon has its jobs"
                    );
                }
                if due.more {
                    continue;
                }
            }
            // The loop tells of a database that is away.
            Err(error) if error.is_passing() => {}
            Err(error) => warn!(%error, "what is due could not be given its jobs"),
        }
        tokio::time::sleep(EVERY).await;
    }
}
