//! `[platforms.bluesky]`: where accounts are looked up, and the keys by which `crierd` says who it is when they are connected.

use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::address::check_base;
use crate::error::Error;
use crate::providers::{BlueskySettings, ClientKeys, PLC_DIRECTORY};
use crate::secrets::private_file;

/// What is set, its file not read yet.
#[derive(Debug, Clone)]
pub(super) struct Bluesky {
    plc_directory: String,
    client_key_file: Option<PathBuf>,
}

pub(super) fn resolve(read: &mut Reader<'_>) -> Bluesky {
    let key = "platforms.bluesky.plc_directory";
    let plc_directory = match read.text(key, "CRIER_BLUESKY_PLC_DIRECTORY") {
        None => PLC_DIRECTORY.to_owned(),
        Some(url) => check_base(&url).unwrap_or_else(|why| {
            read.problem(format!("{key} is {url:?}: {why}; it must be like {PLC_DIRECTORY}"));
            url
        }),
    };
    let file = read.text("platforms.bluesky.client_key_file", "CRIER_BLUESKY_CLIENT_KEY_FILE");
    Bluesky { plc_directory, client_key_file: file.map(PathBuf::from) }
}

impl Bluesky {
    /// The same with the keys.
    pub(super) fn load(&self) -> Result<BlueskySettings, Error> {
        let client_keys = self.client_key_file.as_deref().map(read_keys).transpose()?.unwrap_or_default();
        Ok(BlueskySettings { plc_directory: self.plc_directory.clone(), client_keys })
    }
}

/// The keys of a file that nobody but its owner can read.
fn read_keys(path: &Path) -> Result<ClientKeys, Error> {
    let refused = |problem: String| Error::Refused(format!("client key file {}: {problem}", path.display()));
    let text = private_file::read(path, "read the client keys", refused)?;
    ClientKeys::parse(&text).map_err(|problem| {
        refused(format!(
            "{problem}; make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read(text: &str) -> Result<Bluesky, Error> {
        let mut read = Reader::new(text, &|_| None);
        let found = resolve(&mut read);
        read.finish().map(|()| found)
    }

    #[test]
    fn the_directory_is_the_usual_one_or_an_address() {
        assert_eq!(read("").unwrap().load().unwrap().plc_directory, "https://plc.directory");
        let local = read("[platforms.bluesky]\nplc_directory = 'http://127.0.0.1:2582/'").unwrap();
        assert_eq!(local.load().unwrap().plc_directory, "http://127.0.0.1:2582");
        for bad in ["", "plc.directory", "http://plc.directory", "https://10.0.0.1"] {
            assert!(read(&format!("platforms.bluesky.plc_directory = '{bad}'")).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_read_from_a_private_file() {
        let path = std::env::temp_dir().join(format!("crierd-client-{}", uuid::Uuid::new_v4()));
        let load = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            Bluesky { plc_directory: String::new(), client_key_file: Some(path.clone()) }.load()
        };
        for (text, mode, part) in [("canary", 0o644, "chmod 0400"), ("canary", 0o600, "openssl genpkey")] {
            let refused = load(text, mode).unwrap_err().to_string();
            assert!(refused.contains(part) && !refused.contains("canary"), "{refused}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(load_missing(&path).is_err());
    }

    fn load_missing(path: &Path) -> Result<BlueskySettings, Error> {
        Bluesky { plc_directory: String::new(), client_key_file: Some(path.to_owned()) }.load()
    }
}
