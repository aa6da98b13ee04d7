//! The key file: one key a line, `id:base64 of 32 bytes`, `#` comments, the last line is the active key.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::private_file;
use crate::error::Error;

/// Bytes of a key of AES-256.
pub(crate) const KEY_LEN: usize = 32;

/// One key; wiped when dropped.
pub(crate) type Key = Zeroizing<[u8; KEY_LEN]>;

/// The keys of the key file.
pub struct Keyring {
    keys: BTreeMap<u32, Key>,
    active: u32,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(ids {:?}, active {})", self.keys.keys().collect::<Vec<_>>(), self.active)
    }
}

impl Keyring {
    /// Reads a key file that nobody but its owner can read.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let problem = |problem: String| Error::keys(path, problem);
        let text = private_file::read(path, "read the key file", problem)?;
        Self::parse(&text).map_err(problem)
    }

    /// Reads the lines. What is wrong names the line, never its content.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not text".to_owned())?;
        let mut keys = BTreeMap::new();
        let mut active = None;
        for (at, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (id, key) = parse_line(line).map_err(|problem| format!("line {}: {problem}", at + 1))?;
            if keys.insert(id, key).is_some() {
                return Err(format!("line {}: key id {id} stands there twice", at + 1));
            }
            active = Some(id);
        }
        let active = active.ok_or("it holds no key; `crierd init` makes one")?;
        Ok(Self { keys, active })
    }

    /// The id of the key that seals.
    pub fn active(&self) -> u32 {
        self.active
    }

    /// How many keys there are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The ids of the keys.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        self.keys.keys().copied()
    }

    pub(crate) fn key(&self, id: u32) -> Result<&Key, Error> {
        self.keys.get(&id).ok_or_else(|| {
            let known: Vec<_> = self.ids().map(|id| id.to_string()).collect();
            Error::KeyMissing(format!(
                "key {id} is needed, and the keys of this crierd are {}; remedy: put the line of key {id} into its key file, \
                 above the last line, from its backup or from a host that has it; `crierd keys status` lists what needs it",
                known.join(", ")
            ))
        })
    }
}

/// What is wrong with a secret's file or directory that others than its owner can read.
pub(crate) fn is_open(metadata: &std::fs::Metadata, path: &Path) -> Option<String> {
    let mode = metadata.permissions().mode() & 0o777;
    // systemd lets the service's user read its credentials by an access list, which shows as a right of the group.
    let others =
        if is_credential(path, std::env::var_os("CREDENTIALS_DIRECTORY").as_deref()) { 0o037 } else { 0o077 };
    let right = if metadata.is_dir() { "0700" } else { "0400" };
    (mode & others != 0).then(|| {
        format!(
            "others than its owner may access it (mode {mode:04o}); remedy: chmod {right} {}",
            path.display()
        )
    })
}

/// Whether systemd has put the file there for this service (`LoadCredential=`).
fn is_credential(path: &Path, directory: Option<&OsStr>) -> bool {
    directory.is_some_and(|directory| !directory.is_empty() && path.parent() == Some(Path::new(directory)))
}

fn parse_line(line: &str) -> Result<(u32, Key), String> {
    let (id, encoded) = line.split_once(':').ok_or("it is not of the form id:base64")?;
    let id = id.trim().parse().map_err(|_| "the id before the colon is not a number".to_owned())?;
    let bytes =
        Zeroizing::new(STANDARD.decode(encoded.trim()).map_err(|_| "the key is not base64".to_owned())?);
    let key = <[u8; KEY_LEN]>::try_from(bytes.as_slice())
        .map_err(|_| format!("the key has {} bytes; it must have {KEY_LEN}", bytes.len()))?;
    Ok((id, Zeroizing::new(key)))
}

/// Writes a new key file with one random key, readable by its owner only. Never overwrites.
pub(crate) fn create(path: &Path) -> Result<(), Error> {
    let mut key = Zeroizing::new([0_u8; KEY_LEN]);
    getrandom::fill(key.as_mut_slice())
        .map_err(|error| Error::Refused(format!("no random bytes: {error}")))?;
    let text = Zeroizing::new(format!(
        "# Seals the credentials in the database. Without this file every account has to be connected again:\n\
         # back it up, apart from the database. One key a line, the last one is active.\n1:{}\n",
        Zeroizing::new(STANDARD.encode(key.as_slice())).as_str()
    ));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o400)
        .open(path)
        .map_err(Error::file("create", path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: u32, byte: u8) -> String {
        format!("{id}:{}\n", STANDARD.encode([byte; KEY_LEN]))
    }

    #[test]
    fn the_last_key_is_active() {
        let text = format!("# two\n{}\n  {}# end\n", line(7, 1), line(2, 2));
        let ring = Keyring::parse(text.as_bytes()).unwrap();
        assert_eq!((ring.active(), ring.count()), (2, 2));
        assert!(
            matches!(ring.key(3), Err(Error::KeyMissing(message)) if message.contains("key 3") && message.contains("2, 7"))
        );
    }

    #[test]
    fn problems_name_the_line_and_not_the_key() {
        let short = format!("{}1:{}\n", "# c\n", STANDARD.encode([9; 31]));
        let twice = format!("{}{}", line(1, 1), line(1, 2));
        for (text, part) in [
            ("", "holds no key"),
            ("\n# only a comment\n", "holds no key"),
            ("c2VjcmV0\n", "line 1: it is not of the form"),
            ("x:c2VjcmV0\n", "line 1: the id"),
            ("1:c2VjcmV0!\n", "line 1: the key is not base64"),
            (short.as_str(), "line 2: the key has 31 bytes"),
            (twice.as_str(), "line 2: key id 1 stands there twice"),
        ] {
            let problem = Keyring::parse(text.as_bytes()).unwrap_err();
            assert!(problem.contains(part), "{problem}");
            assert!(!problem.contains("c2VjcmV0"), "{problem}");
        }
    }

    #[test]
    fn only_what_systemd_has_put_there_may_have_a_right_of_the_group() {
        let directory = Some(OsStr::new("/run/credentials/crierd.service"));
        assert!(is_credential(Path::new("/run/credentials/crierd.service/crier.key"), directory));
        for (path, directory) in [
            ("/etc/crier.key", directory),
            ("/run/credentials/crierd.service/deeper/crier.key", directory),
            ("/run/credentials/crierd.service/crier.key", None),
            ("crier.key", Some(OsStr::new(""))),
        ] {
            assert!(!is_credential(Path::new(path), directory), "{path}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_kept_from_others() {
        let dir = std::env::temp_dir().join(format!("crierd-keys-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&dir).unwrap();
        let path = dir.join("crier.key");
        create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
        assert_eq!(Keyring::load(&path).unwrap().active(), 1);
        assert!(create(&path).is_err());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o440)).unwrap();
        let refused = Keyring::load(&path).unwrap_err().to_string();
        assert!(refused.contains("chmod 0400"), "{refused}");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
