//! Keys, sealing, and what is sealed. Keys never leave the sidecar; the database only ever sees ciphertext.
//!
//! A key of the key file (`keyring`, from where `source` says) wraps a data key of each workspace (`data_key`), which seals
//! (`seal`) the values of that workspace, each for its `place`. [`Vault`] is what the rest of the sidecar uses.

mod bound;
mod cache;
mod data_key;
pub(crate) mod es256;
pub(crate) mod key_file;
pub(crate) mod keyring;
#[cfg(test)]
pub(crate) mod memory;
mod place;
pub(crate) mod private_file;
mod seal;
mod session;
mod source;
#[cfg(test)]
mod tests;
pub(crate) mod unguessable;
mod vault;

pub use bound::Bound;
pub(crate) use data_key::DataKey;
pub use es256::Es256;
pub use keyring::Keyring;
pub use place::Place;
pub(crate) use place::{Parts, STORED};
pub(crate) use session::Plain;
pub use session::{Opened, Session};
pub use source::KeySource;
pub(crate) use source::VARIABLE;
pub use vault::Vault;
pub(crate) use vault::{Active, DataKeys, failure};

/// Keeps keys and tokens out of core dumps and away from debuggers of the same user.
pub(crate) fn forbid_core_dumps() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    // Neither can be helped where it fails, and neither is needed to publish.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
