//! `crierd init`: a key file and a sample configuration.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::config::DEFAULT_FILE;
use crate::error::Error;
use crate::secrets::keyring;

const KEY_FILE: &str = "crier.key";
const SAMPLE: &str = include_str!("init/crierd.toml");

/// Writes both files, or neither where one is there already.
pub(crate) fn run(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(Error::file("create", dir))?;
    let dir = dir.canonicalize().map_err(Error::file("find", dir))?;
    let (key_file, config) = (dir.join(KEY_FILE), dir.join(DEFAULT_FILE));
    for path in [&key_file, &config] {
        if path.symlink_metadata().is_ok() {
            return Err(Error::Refused(format!(
                "{} is there already, nothing was written: a key file that is lost can't be made again",
                path.display()
            )));
        }
    }
    keyring::create(&key_file)?;
    write_config(&config, &SAMPLE.replace("KEY_FILE", &key_file.display().to_string()))?;
    println!("{}  the key that seals credentials: back it up", key_file.display());
    println!(
        "{}  the configuration: put in the database's address, then run `crierd doctor`",
        config.display()
    );
    Ok(())
}

/// The address of the database carries a password.
fn write_config(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(path).map_err(Error::file("create", path))?;
    file.write_all(text.as_bytes()).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Needs, Sources};

    #[test]
    fn the_sample_is_a_valid_configuration_and_is_never_overwritten() {
        let dir = std::env::temp_dir().join(format!("crierd-init-{}", uuid::Uuid::new_v4()));
        run(&dir).unwrap();
        let file = dir.join(DEFAULT_FILE);
        let sources = Sources { file: Some(file.clone()), database_url: None };
        let config = Config::load(&sources, Needs { keys: true }).unwrap();
        let key_file = config.keys.file().unwrap();
        assert_eq!(key_file, dir.canonicalize().unwrap().join(KEY_FILE));
        assert!(crate::secrets::Keyring::load(key_file).is_ok());

        let key = std::fs::read(key_file).unwrap();
        assert!(run(&dir).is_err());
        std::fs::remove_file(&file).unwrap();
        assert!(run(&dir).is_err());
        assert!(!file.exists(), "half of it was written");
        assert_eq!(std::fs::read(key_file).unwrap(), key);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
