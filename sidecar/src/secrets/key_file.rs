//! A key file on the disk gets another key: at once, or not at all, and never without those it had.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

use super::keyring::{Keyring, is_open};
use super::seal::random_key;
use crate::error::Error;

/// Adds a new random key as the last one, and so the active one, and returns its id. Mode 0400 as before, the same owner.
pub(crate) fn add_key(path: &Path) -> Result<u32, Error> {
    // A link stays one.
    let path = path.canonicalize().map_err(Error::file("find the key file", path))?;
    let (old, text) = locked(&path)?;
    let keys = Keyring::parse(&text).map_err(|problem| Error::keys(&path, problem))?;
    let id = keys.ids().max().and_then(|id| id.checked_add(1));
    let id = id.ok_or_else(|| Error::keys(&path, "it holds the last key id there can be".into()))?;
    let line = Zeroizing::new(format!(
        "{id}:{}\n",
        Zeroizing::new(STANDARD.encode(random_key()?.as_slice())).as_str()
    ));
    let mut new = Zeroizing::new(Vec::with_capacity(text.len() + 1 + line.len()));
    new.extend_from_slice(&text);
    if !text.ends_with(b"\n") {
        new.push(b'\n');
    }
    new.extend_from_slice(line.as_bytes());
    // As it is to be, before it is put in place.
    match Keyring::parse(&new) {
        Ok(known) if known.active() == id && known.count() == keys.count() + 1 => {}
        _ => return Err(Error::keys(&path, "a key can't be added to it".into())),
    }
    replace(&path, &old, &new)?;
    Ok(id)
}

/// The file, locked against others that add a key, and what it holds.
fn locked(path: &Path) -> Result<(File, Zeroizing<Vec<u8>>), Error> {
    loop {
        let mut file = File::open(path).map_err(Error::file("read the key file", path))?;
        flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| Error::file("lock the key file", path)(error.into()))?;
        let (here, there) = (file.metadata(), std::fs::metadata(path));
        let here = here.map_err(Error::file("read the key file", path))?;
        let there = there.map_err(Error::file("read the key file", path))?;
        // Somebody else has put another one in its place while this waited.
        if (here.dev(), here.ino()) != (there.dev(), there.ino()) {
            continue;
        }
        if let Some(open) = is_open(&here, path) {
            return Err(Error::keys(path, open));
        }
        let mut text = Zeroizing::new(Vec::with_capacity(here.len() as usize + 64));
        file.read_to_end(&mut text).map_err(Error::file("read the key file", path))?;
        return Ok((file, text));
    }
}

/// Puts a new file in the place of the old one: readers find one or the other, whole.
fn replace(path: &Path, old: &File, text: &[u8]) -> Result<(), Error> {
    let owner = old.metadata().map_err(Error::file("read the key file", path))?;
    let beside = beside(path);
    let written = write_new(&beside, &owner, text)
        .and_then(|()| std::fs::rename(&beside, path).map_err(Error::file("replace", path)));
    if written.is_err() {
        // What is left of it holds keys. It may not be there at all.
        let _ = std::fs::remove_file(&beside);
    }
    written?;
    let dir = path.parent().unwrap_or(Path::new("/"));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::file("write", dir))
}

fn write_new(path: &Path, owner: &std::fs::Metadata, text: &[u8]) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o400)
        .open(path)
        .map_err(Error::file("create", path))?;
    let mine = file.metadata().map_err(Error::file("read", path))?;
    if (mine.uid(), mine.gid()) != (owner.uid(), owner.gid()) {
        fchown(&file, Some(owner.uid()), Some(owner.gid())).map_err(Error::file("give its owner", path))?;
    }
    file.write_all(text).and_then(|()| file.sync_all()).map_err(Error::file("write", path))
}

/// A name of its own, beside the file: a rename does not leave the file system.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::secrets::keyring::create;

    struct Dir(PathBuf);

    impl Dir {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("crierd-key-file-{}", uuid::Uuid::new_v4()));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_new_key_is_the_last_and_the_old_ones_stay_as_they_were() {
        let dir = Dir::new();
        let path = dir.0.join("crier.key");
        create(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert_eq!(add_key(&path).unwrap(), 2);
        let after = std::fs::read(&path).unwrap();
        assert!(after.starts_with(&before));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
        let keys = Keyring::load(&path).unwrap();
        assert_eq!((keys.count(), keys.active()), (2, 2));
        assert_eq!(dir.names(), ["crier.key"]);

        let link = dir.0.join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(add_key(&link).unwrap(), 3);
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(Keyring::load(&path).unwrap().count(), 3);
    }

    #[test]
    fn a_file_that_ends_without_a_line_gets_one() {
        let dir = Dir::new();
        let path = dir.0.join("crier.key");
        std::fs::write(&path, "7:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
        assert_eq!(add_key(&path).unwrap(), 8);
        assert_eq!(Keyring::load(&path).unwrap().count(), 2);
    }

    #[test]
    fn those_who_add_keys_at_once_all_do() {
        let dir = Dir::new();
        let path = dir.0.join("crier.key");
        create(&path).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                // Two processes: threads of one share its name for the new file.
                scope.spawn(|| {
                    for _ in 0..4 {
                        add_key(&path).unwrap();
                    }
                });
            }
        });
        assert_eq!(Keyring::load(&path).unwrap().ids().collect::<Vec<_>>(), (1..=33).collect::<Vec<_>>());
        assert_eq!(dir.names(), ["crier.key"]);
    }

    #[test]
    fn what_is_no_good_key_file_is_left_alone() {
        let dir = Dir::new();
        let path = dir.0.join("crier.key");
        assert!(add_key(&path).is_err());
        for (text, mode) in [
            ("# nothing\n", 0o400),
            ("1:x\n", 0o400),
            ("1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 0o444),
        ] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert!(add_key(&path).is_err(), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            std::fs::remove_file(&path).unwrap();
        }
        let full = format!("{}:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", u32::MAX);
        std::fs::write(&path, full).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
        assert!(add_key(&path).unwrap_err().to_string().contains("last key id"));
        assert_eq!(dir.names(), ["crier.key"]);
    }
}
