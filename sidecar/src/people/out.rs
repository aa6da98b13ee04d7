//! Standard output, which may end before what is written to it: `crierd calendar | head`.

use std::io::{ErrorKind, Write};

use crate::error::Error;

/// Prints a text as it is. Whether anybody still reads.
pub(crate) fn print(text: &str) -> Result<bool, Error> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::Refused(format!("standard output: {error}"))),
    }
}
