//! A copy of the checkout in which a test changes files and builds what comes of it.
//!
//! The crates of others are those of the build that the running test is part of: they are linked, not compiled again. Ours are
//! compiled in the copy, beside it and never over what other tests use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::succeed;

/// What finished crates are kept as.
const FINISHED: [&str; 3] = ["rlib", "rmeta", "so"];

/// The copy. Removed when dropped.
#[derive(Debug)]
pub struct Checkout {
    dir: TempDir,
    /// Where the running test was built.
    built: PathBuf,
}

impl Checkout {
    /// Copies what git knows of, or would know of, as it stands now.
    ///
    /// # Panics
    /// When this is no checkout, or the copy can't be made.
    pub fn copy() -> Self {
        let built = built();
        // on the same disk, so that files can be linked
        let dir = tempfile::Builder::new()
            .prefix("checkout-")
            .tempdir_in(built.parent().unwrap_or(&built))
            .unwrap_or_else(|error| panic!("can't make a directory beside {}: {error}", built.display()));
        let copy = Self { dir, built };
        let list = ["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = succeed(Command::new("git").args(list).current_dir(ours()));
        for path in String::from_utf8_lossy(&listed.stdout).split_terminator('\0') {
            let (from, to) = (ours().join(path), copy.root().join(path));
            // a file that was deleted and not committed is still listed
            if from.is_file() {
                make_parent(&to);
                done(&to, fs::copy(&from, &to));
            }
        }
        copy.take_over_crates();
        copy
    }

    /// Where its files are.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("crier")
    }

    /// Where it is built.
    pub fn target(&self) -> PathBuf {
        self.dir.path().join("target")
    }

    /// Writes a new file.
    ///
    /// # Panics
    /// When it is there already.
    pub fn write(&self, path: &str, text: &str) {
        let to = self.root().join(path);
        assert!(!to.exists(), "{path} is there already");
        make_parent(&to);
        done(&to, fs::write(&to, text));
    }

    /// Adds lines after a line, as far in as that is.
    ///
    /// # Panics
    /// When there is no such line, or more than one.
    pub fn insert(&self, path: &str, after: &str, text: &str) {
        let file = self.root().join(path);
        let before = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
        let found = before.lines().filter(|line| line.trim() == after).count();
        assert_eq!(found, 1, "expected one line {after:?} in {path}");
        let mut changed = String::new();
        for line in before.lines() {
            changed.push_str(line);
            changed.push('\n');
            if line.trim() == after {
                let indent = &line[..line.len() - line.trim_start().len()];
                changed.extend(text.lines().map(|added| format!("{indent}{added}\n")));
            }
        }
        done(&file, fs::write(&file, changed));
    }

    /// A command that builds in the copy, and leaves the processors to the tests that run beside it.
    pub fn building(&self, program: &str) -> Command {
        let mut command = self.command("nice");
        command.args(["-n", "19", program]);
        command
    }

    /// A command in the copy, whatever the running test was started with.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let of_cargo = name.starts_with("CARGO") && name != "CARGO_HOME";
            if of_cargo || ["LD_LIBRARY_PATH", "RUST_BACKTRACE", "RUST_TEST_THREADS"].contains(&&*name) {
                command.env_remove(&*name);
            }
        }
        command.env("CARGO_TARGET_DIR", self.target()).env("CARGO_TERM_COLOR", "never");
        // everything is there, and nothing is compiled twice
        command.env("CARGO_NET_OFFLINE", "true").env("CARGO_INCREMENTAL", "0");
        command
    }

    /// The Postgres that libraries are built against: the crates of others were built against its path.
    pub fn pg_config(&self) -> PathBuf {
        let target = self.built.parent().unwrap_or(&self.built);
        let find = [". scripts/lib.sh && dev_postgres"];
        let mut command = Command::new("bash");
        command.arg("-c").args(find).current_dir(ours()).env("CARGO_TARGET_DIR", target);
        let output = succeed(&mut command);
        Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("pg_config")
    }

    /// What cargo notes about crates is copied, because it writes into such files; what it has made of them is linked, because
    /// it replaces those.
    fn take_over_crates(&self) {
        let to = self.target().join("debug");
        for folder in [".fingerprint", "build"] {
            make_parent(&to.join(folder));
            succeed(Command::new("cp").arg("-a").arg(self.built.join(folder)).arg(&to));
            for entry in entries(&to.join(folder)).filter(|entry| is_ours(entry)) {
                done(&entry, fs::remove_dir_all(&entry));
            }
        }
        done(&to, fs::create_dir(to.join("deps")));
        for entry in entries(&self.built.join("deps")) {
            let name = entry.file_name().unwrap_or_default();
            let finished = entry.extension().is_some_and(|end| FINISHED.iter().any(|known| end == *known));
            if finished && !is_ours(&entry) {
                done(&entry, fs::hard_link(&entry, to.join("deps").join(name)));
            }
        }
    }
}

/// The checkout of the running test.
fn ours() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where the running test was built: `target/debug`.
fn built() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("which program is this? {error}"));
    // target/debug/deps/it-…
    program.ancestors().nth(2).unwrap_or(&program).to_owned()
}

/// Whether a file is of a crate of the workspace.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_prefix("lib").unwrap_or(&name);
    name.starts_with("crier") || name.starts_with("it-")
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.flatten().map(|entry| entry.path())
}

fn make_parent(path: &Path) {
    let parent = path.parent().unwrap_or(path);
    done(parent, fs::create_dir_all(parent));
}

fn done<T>(path: &Path, result: std::io::Result<T>) {
    if let Err(error) = result {
        panic!("{}: {error}", path.display());
    }
}
