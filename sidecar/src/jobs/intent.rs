//! Writing down that something is about to be sent, right before it is.

use std::time::{Duration, Instant};

use tracing::warn;

use crate::client::CALL;
use crate::db::patiently;
use crate::error::Error;

/// How long the database may be away before the try is given up; the lease decides then.
const PATIENCE: Duration = Duration::from_secs(60);
/// The lease at the moment of sending outlasts the call twice; heartbeats keep it alive from there.
const LEASE: Duration = CALL.saturating_mul(2);
/// What took longer to record is recorded again: the lease must outlast the call.
const STALE: Duration = CALL;

/// Records until the database has answered just now; `None` if the lease is lost: then nothing may be sent.
pub(super) async fn recorded<T, F>(record: impl Fn(Duration) -> F) -> Result<Option<T>, Error>
where
    F: Future<Output = Result<Option<T>, Error>>,
{
    loop {
        let asked = Instant::now();
        match record(LEASE).await {
            // The lease counts from when the database answered, which is after we asked.
            Ok(Some(recorded)) if asked.elapsed() < STALE => return Ok(Some(recorded)),
            Ok(Some(_)) => warn!("the intent is stale, asking again"),
            Ok(None) => return Ok(None),
            Err(error) if error.is_passing() => {
                if patiently(PATIENCE, || record(LEASE)).await?.is_none() {
                    return Ok(None);
                }
            }
            Err(error) => return Err(error),
        }
    }
}
