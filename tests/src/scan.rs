//! Looking for secrets in files, as raw bytes.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A secret that must not be found, in every writing that is looked for.
#[derive(Debug)]
pub struct Secret {
    name: String,
    writings: Vec<Vec<u8>>,
}

impl Secret {
    /// A secret; `name` stands for it in messages.
    ///
    /// # Panics
    /// When it is so short that it would be found by chance.
    pub fn new(name: &str, secret: &str) -> Self {
        let bytes = secret.as_bytes();
        assert!(bytes.len() >= 12, "{name} is too short to look for");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut writings = vec![bytes.to_vec(), hex.into_bytes()];
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            // within a longer text base64 has three alignments; the characters at the ends depend on the neighbours
            for skip in 0..3 {
                let whole = &bytes[skip..];
                let inner = engine.encode(&whole[..whole.len() / 3 * 3]);
                if !writings.iter().any(|known| known == inner.as_bytes()) {
                    writings.push(inner.into_bytes());
                }
            }
        }
        Self { name: name.to_owned(), writings }
    }
}

/// A place where a secret was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The secret's name.
    pub secret: String,
    /// The file.
    pub file: PathBuf,
}

/// Reads every file under `paths` and gives where secrets are.
///
/// # Panics
/// When a file can't be read.
pub fn scan(paths: &[&Path], secrets: &[Secret]) -> Vec<Finding> {
    // all at once first: normally that is all
    let suspects = files_with(paths, secrets);
    let suspects: Vec<_> = suspects.iter().map(PathBuf::as_path).collect();
    let find = |secret: &Secret| {
        let files =
            if suspects.is_empty() { vec![] } else { files_with(&suspects, std::slice::from_ref(secret)) };
        files.into_iter().map(|file| Finding { secret: secret.name.clone(), file }).collect::<Vec<_>>()
    };
    secrets.iter().flat_map(find).collect()
}

/// The files with any of the writings. Left to grep: hundreds of megabytes in a moment, in a debug build too.
fn files_with(paths: &[&Path], secrets: &[Secret]) -> Vec<PathBuf> {
    let mut patterns =
        tempfile::NamedTempFile::new().unwrap_or_else(|error| panic!("no temporary file: {error}"));
    for writing in secrets.iter().flat_map(|secret| &secret.writings) {
        let line = [writing.as_slice(), b"\n"].concat();
        patterns.write_all(&line).unwrap_or_else(|error| panic!("can't write the patterns: {error}"));
    }
    let output = Command::new("grep")
        .args(["--recursive", "--text", "--fixed-strings", "--files-with-matches", "--null", "--file"])
        .arg(patterns.path())
        .arg("--")
        .args(paths)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("can't start grep: {error}"));
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "grep: {trouble}");
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_writing_is_found_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a directory");
        let secret = "canary-password-1234";
        let standard = base64::engine::general_purpose::STANDARD;
        let writings = [
            secret.to_owned(),
            standard.encode(secret),
            standard.encode(format!("x{secret}y")),
            standard.encode(format!("xx{secret}yy")),
            secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
            secret.chars().rev().collect(),
        ];
        for (at, writing) in writings.iter().enumerate() {
            std::fs::write(dir.path().join(at.to_string()), format!("\0before {writing} after"))
                .expect("a file");
        }
        let findings = scan(&[dir.path()], &[Secret::new("canary", secret)]);
        let mut files: Vec<_> = findings.iter().filter_map(|finding| finding.file.file_name()).collect();
        files.sort();
        assert_eq!(files, ["0", "1", "2", "3", "4"]);
    }
}
