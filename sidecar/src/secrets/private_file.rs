//! Files with secrets: nobody but their owner may read them.

use std::path::Path;

use zeroize::Zeroizing;

use super::keyring::is_open;
use crate::error::Error;

/// The bytes of one. `doing` says what for, as in [`Error::file`]; `refused` makes the error of one that others can read too.
pub(crate) fn read(
    path: &Path,
    doing: &'static str,
    refused: impl FnOnce(String) -> Error,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let metadata = std::fs::metadata(path).map_err(Error::file(doing, path))?;
    if let Some(open) = is_open(&metadata, path) {
        return Err(refused(open));
    }
    std::fs::read(path).map(Zeroizing::new).map_err(Error::file(doing, path))
}
