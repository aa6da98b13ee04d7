//! `crierd keys add`: a new key in the key file.

use crate::config::Config;
use crate::error::Error;
use crate::secrets::{self, key_file};

/// Adds the key and prints its id.
pub(crate) fn run(config: &Config) -> Result<(), Error> {
    secrets::forbid_core_dumps();
    let Some(path) = config.keys.file() else {
        return Err(Error::Refused(format!(
            "the keys come from {}: add a last line there yourself, an id of its own, a colon, and what \
             `openssl rand -base64 32` prints",
            config.keys.name()
        )));
    };
    let id = key_file::add_key(path)?;
    println!("{id}");
    eprintln!(
        "{} has key {id}, the active one from now on. Back the file up, copy it to every host that runs crierd, and then \
         run `crierd keys rotate`.",
        path.display()
    );
    Ok(())
}
