//! The call of a refresh: under the lease, and again at once where its answer was lost and that costs nothing.

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use crier_core::refresh::Rotation;

use super::lease::Lease;
use crate::providers::{Caller, Failure, Provider};
use crate::secrets::Session;

/// Before an answer that was lost is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks the platform. An answer that was lost is asked for again at once where the platform gives the same one. `None`: it was too
/// late under this lease, and nothing was sent.
pub(super) async fn ask(
    provider: &dyn Provider,
    caller: &Caller,
    lease: &Lease,
) -> Option<Result<Session, Failure>> {
    if !lease.has_time() {
        return None;
    }
    let first = provider.refresh(caller).await;
    let lost = first.as_ref().is_err_and(|failure| failure.class == ErrorClass::OutcomeUnknown);
    if !lost || provider.rotation(&caller.session) == Rotation::Strict {
        return Some(first);
    }
    tokio::time::sleep(PAUSE).await;
    if !lease.has_time() {
        return Some(first);
    }
    Some(match provider.refresh(caller).await {
        // What became of the first is as unclear as before.
        Err(failure) if failure.class != ErrorClass::AuthRevoked => {
            Err(Failure { class: ErrorClass::OutcomeUnknown, ..failure })
        }
        second => second,
    })
}
