//! Where the keys come from: a file, a variable, or a command that prints them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::keyring::Keyring;
use crate::error::Error;

/// The variable with the keys themselves.
pub(crate) const VARIABLE: &str = "CRIER_KEYS";
/// How long the command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// The most that the command may print.
const MAX_PRINTED: usize = 64 * 1024;

/// Where the keys come from. `Debug` shows no key.
#[derive(Clone)]
pub enum KeySource {
    /// The key file.
    File(PathBuf),
    /// The text of a key file, from `CRIER_KEYS`.
    Variable(SecretString),
    /// A command for `/bin/sh` that prints the text of a key file.
    Command(String),
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl KeySource {
    /// For messages: which of the three it is. The command may carry a secret and is not shown.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => format!("key file {}", path.display()),
            Self::Variable(_) => VARIABLE.to_owned(),
            Self::Command(_) => "secrets.key_command".to_owned(),
        }
    }

    /// The key file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Variable(_) | Self::Command(_) => None,
        }
    }

    /// Reads the keys.
    pub(crate) async fn load(&self) -> Result<Keyring, Error> {
        let parse = |text: &[u8]| Keyring::parse(text).map_err(|problem| self.error(problem));
        match self {
            Self::File(path) => Keyring::load(path),
            Self::Variable(text) => parse(text.expose_secret().as_bytes()),
            Self::Command(command) => match printed(command, COMMAND_LIMIT).await {
                Ok(text) => parse(&text),
                Err(problem) => Err(self.error(problem)),
            },
        }
    }

    /// How long what was read is new enough.
    pub(super) fn pause(&self) -> Duration {
        match self {
            // Read in microseconds, and only where a key is missing: a job that comes right after `keys add` must find it.
            Self::File(_) => Duration::ZERO,
            // It can't change.
            Self::Variable(_) => Duration::MAX,
            Self::Command(_) => Duration::from_secs(60),
        }
    }

    fn error(&self, problem: String) -> Error {
        Error::Keys { from: self.name(), problem }
    }
}

/// What a command prints. Nothing of it, nor of what it says on standard error, is ever repeated.
async fn printed(command: &str, limit: Duration) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Neither the database's password nor keys are its business.
    for variable in ["CRIER_DATABASE_URL", "CRIER_DATABASE_DIRECT_URL", VARIABLE] {
        shell.env_remove(variable);
    }
    let mut child = shell
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it can't be started: {error}"))?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let output = child.stdout.take().ok_or("it has no output")?;
    // Large enough from the start: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_PRINTED + 64));
    let run = async {
        let mut output = output.take(MAX_PRINTED as u64 + 1);
        output.read_to_end(&mut text).await?;
        drop(output);
        child.wait().await
    };
    let Ok(ended) = tokio::time::timeout(limit, run).await else {
        if let Some(group) = group {
            // It may have ended just now.
            let _ = kill_process_group(group, Signal::KILL);
        }
        return Err(format!("it took longer than {} s and was killed", limit.as_secs_f32()));
    };
    let status = ended.map_err(|error| format!("it can't be read: {error}"))?;
    if text.len() > MAX_PRINTED {
        return Err(format!("it printed more than {MAX_PRINTED} bytes; it must print a key file"));
    }
    if !status.success() {
        return Err(format!("it ended with {status}; what it said is not shown here: run it by hand"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    async fn command(text: &str) -> Result<Keyring, Error> {
        KeySource::Command(text.into()).load().await
    }

    #[tokio::test]
    async fn a_variable_and_a_command_hold_what_a_file_holds() {
        let two = format!("# two\n{KEY}\n{}\n", KEY.replace("1:", "2:"));
        let variable = KeySource::Variable(two.clone().into());
        assert_eq!(variable.load().await.unwrap().active(), 2);
        assert_eq!(command(&format!("printf '%s' '{two}'")).await.unwrap().active(), 2);
        assert!(!format!("{variable:?} {:?}", KeySource::Command(KEY.into())).contains("AAAA"));
    }

    #[tokio::test]
    async fn what_a_command_says_is_not_repeated() {
        for text in [
            "echo canary; exit 3",
            "echo canary >&2; exit 3",
            "echo canary",
            "echo 1:canary",
            "true",
            "exec /no/canary",
            "yes canary",
        ] {
            let error = command(text).await.unwrap_err().to_string();
            assert!(error.starts_with("secrets.key_command: "), "{error}");
            assert!(!error.contains("canary"), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_killed_with_all_it_started() {
        let dir = std::env::temp_dir().join(format!("crierd-command-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&dir).unwrap();
        let text = format!("cd {}; sleep 600 & echo $! > pid; wait", dir.display());
        let error = printed(&text, Duration::from_millis(300)).await.unwrap_err();
        assert!(error.contains("longer than 0.3 s"), "{error}");
        let pid = std::fs::read_to_string(dir.join("pid")).unwrap();
        let stat = std::path::PathBuf::from(format!("/proc/{}/stat", pid.trim()));
        let gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
        for _ in 0..500 {
            if gone() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(gone(), "the command's child still runs");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[tokio::test]
    async fn a_command_is_not_told_the_databases_password() {
        // A process's own variables can't be changed safely in a test: the names must be left out in the shell's.
        let text = format!("env | grep -q '^CRIER_DATABASE_URL=\\|^CRIER_KEYS=' && exit 9; echo '{KEY}'");
        assert!(command(&text).await.is_ok());
    }
}
