//! Keys, sealing, and what is sealed. Keys never leave the sidecar; the database only ever sees ciphertext.

mod bound;
pub(crate) mod es256;
pub(crate) mod keyring;
mod seal;
mod session;

pub use bound::Bound;
pub use es256::Es256;
pub use keyring::Keyring;
pub use seal::Place;
pub use session::Session;

/// Keeps keys and tokens out of core dumps and away from debuggers of the same user.
pub(crate) fn forbid_core_dumps() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    // Neither can be helped where it fails, and neither is needed to publish.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
