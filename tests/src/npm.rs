//! Servers from npm: packages of the tests with a lock file, installed where they stand, once.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::succeed;

/// The directory of a package of the tests, with its dependencies installed. `what` is named to who waits.
///
/// # Panics
/// When it can't be installed.
pub fn install(package: &str, what: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join(package);
    let lock = package.join("package-lock.json");
    let done = package.join("node_modules/.package-lock.json");
    let file = File::open(&lock).unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
    // other processes may be installing it now
    file.lock().unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
    let changed = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    if changed(&done) >= changed(&lock) {
        return package;
    }
    check_node();
    eprintln!("installing {what} into {} (once)", package.display());
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&package);
    if std::env::var_os("npm_config_nodedir").is_none() && Path::new("/usr/include/node/node.h").exists() {
        // better-sqlite3 is compiled; node's headers can't be downloaded here
        npm.env("npm_config_nodedir", "/usr");
    }
    succeed(&mut npm);
    package
}

fn check_node() {
    let version = Command::new("node").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let major = version.as_deref().ok().and_then(|version| version.trim_start_matches('v').split('.').next());
    let found = major.and_then(|major| major.parse().ok()).unwrap_or(0_u32);
    assert!(
        found >= 20,
        "the tests against real servers need node 20 or newer and npm, found {version:?}: apt-get install nodejs npm"
    );
}
