//! A Postgres installation of a test's own, whose files it may change.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::cluster::bin_dir;
use crate::process::succeed;

/// A copy of the installation that the other tests use. Removed when dropped: after the servers that run from it.
#[derive(Debug)]
pub struct Installation {
    bin: PathBuf,
    dir: TempDir,
}

impl Installation {
    /// Copies the installation.
    ///
    /// # Panics
    /// When `CRIER_TEST_PG_BIN` isn't the bin directory of a tree as scripts/private-postgres makes it.
    pub fn copy() -> Self {
        let from = bin_dir();
        // DIR/usr/lib/postgresql/N/bin
        let Some(root) = from.ancestors().nth(5).filter(|root| root.join("usr/share").is_dir()) else {
            panic!("{} is in no tree of scripts/private-postgres", from.display())
        };
        let dir = tempfile::Builder::new()
            .prefix("crier-pg-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in("/tmp")
            .unwrap_or_else(|error| panic!("can't make a directory in /tmp: {error}"));
        succeed(Command::new("cp").arg("-a").arg(root.join("usr")).arg(dir.path()));
        let below = from.strip_prefix(root).unwrap_or(&from);
        Self { bin: dir.path().join(below), dir }
    }

    /// Its bin directory.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The library of the extension.
    pub fn library(&self) -> PathBuf {
        let output = succeed(Command::new(self.bin.join("pg_config")).arg("--pkglibdir"));
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        assert!(folder.starts_with(self.dir.path()), "{} is not in the copy", folder.display());
        folder.join("crier.so")
    }

    /// Puts another build of the library in place as `make install` does: a new file under the old name, so that
    /// whoever has the old one loaded keeps it.
    ///
    /// # Panics
    /// When a file can't be written.
    pub fn replace_library(&self) {
        let (library, new) = (self.library(), self.library().with_extension("so.new"));
        let written = fs::copy(&library, &new)
            .and_then(|_| fs::OpenOptions::new().append(true).open(&new))
            // behind its end, where the loader does not look
            .and_then(|mut file| file.write_all(b"another build"))
            .and_then(|()| fs::rename(&new, &library));
        written.unwrap_or_else(|error| panic!("can't replace {}: {error}", library.display()));
    }
}
