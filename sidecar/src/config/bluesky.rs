//! `[platforms.bluesky]`: where accounts are looked up, and the keys by which `crierd` says who it is when they are connected.

use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::address::check_base;
use crate::error::Error;
use crate::providers::{BlueskySettings, ClientKeys, HANDLE_RESOLVER, PLC_DIRECTORY, Reach};
use crate::secrets::private_file;

/// What is set, its file not read yet.
#[derive(Debug, Clone)]
pub(super) struct Bluesky {
    plc_directory: String,
    handle_resolver: String,
    client_key_file: Option<PathBuf>,
}

pub(super) fn resolve(read: &mut Reader<'_>) -> Bluesky {
    let plc_directory =
        server(read, "platforms.bluesky.plc_directory", "CRIER_BLUESKY_PLC_DIRECTORY", PLC_DIRECTORY);
    let handle_resolver =
        server(read, "platforms.bluesky.handle_resolver", "CRIER_BLUESKY_HANDLE_RESOLVER", HANDLE_RESOLVER);
    let file = read.text("platforms.bluesky.client_key_file", "CRIER_BLUESKY_CLIENT_KEY_FILE");
    Bluesky { plc_directory, handle_resolver, client_key_file: file.map(PathBuf::from) }
}

fn server(read: &mut Reader<'_>, key: &'static str, variable: &'static str, usual: &str) -> String {
    match read.text(key, variable) {
        None => usual.to_owned(),
        Some(url) => check_base(&url).unwrap_or_else(|why| {
            read.problem(format!("{key} is {url:?}: {why}; it must be like {usual}"));
            url
        }),
    }
}

impl Bluesky {
    /// The same with the keys.
    pub(super) fn load(&self, reach: Reach) -> Result<BlueskySettings, Error> {
        let client_keys = self.client_key_file.as_deref().map(read_keys).transpose()?.unwrap_or_default();
        let (plc_directory, handle_resolver) = (self.plc_directory.clone(), self.handle_resolver.clone());
        Ok(BlueskySettings { plc_directory, handle_resolver, client_keys, reach })
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
    use crate::config::reader;

    fn read(text: &str) -> Result<Bluesky, Vec<String>> {
        reader::read(text, resolve)
    }

    #[test]
    fn directory_and_resolver_are_the_usual_ones_or_addresses() {
        let usual = read("").unwrap().load(Reach::default()).unwrap();
        assert_eq!(usual.plc_directory, "https://plc.directory");
        assert_eq!(usual.handle_resolver, "https://bsky.social");
        let own = read("[platforms.bluesky]\nhandle_resolver = 'https://pds.example/'").unwrap();
        assert_eq!(own.load(Reach::default()).unwrap().handle_resolver, "https://pds.example");
        assert!(read("platforms.bluesky.handle_resolver = 'pds.example'").is_err());
        let local = read("[platforms.bluesky]\nplc_directory = 'http://127.0.0.1:2582/'").unwrap();
        assert_eq!(local.load(Reach::default()).unwrap().plc_directory, "http://127.0.0.1:2582");
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
            of(&path).load(Reach::default())
        };
        for (text, mode, part) in [("canary", 0o644, "chmod 0400"), ("canary", 0o600, "openssl genpkey")] {
            let refused = load(text, mode).unwrap_err().to_string();
            assert!(refused.contains(part) && !refused.contains("canary"), "{refused}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(of(&path).load(Reach::default()).is_err());
    }

    fn of(path: &Path) -> Bluesky {
        Bluesky { client_key_file: Some(path.to_owned()), ..read("").unwrap() }
    }
}
