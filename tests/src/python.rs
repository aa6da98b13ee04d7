//! Servers that others wrote in Python, installed into the build directory as a lock file of ours has them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::succeed;

/// The program of a package, from `tests/<package>/requirements.txt`.
///
/// # Panics
/// When it can't be installed; the message says why.
pub(crate) fn install(package: &str, program: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = tests.join(package).join("requirements.txt");
    let venv = tests.join("../target").join(package);
    let program = venv.join("bin").join(program);
    let file = File::open(&lock).unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
    // other processes may be installing it now
    file.lock().unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
    let changed = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    if changed(&program) >= changed(&lock) {
        return program;
    }
    eprintln!("installing {package} into {} (once)", venv.display());
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let mut pip = Command::new(venv.join("bin/pip"));
    succeed(pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&lock));
    program
}
