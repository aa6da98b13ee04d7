//! Child processes that never outlive the test, however it ends.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// A shell that waits for this process to let go of it, then runs its script: when dropped, and also when
/// this process is killed or ends with the value in a static variable, because the pipe closes then too.
#[derive(Debug)]
pub struct OnExit(Child);

impl OnExit {
    /// Runs `script` with `args` as `$1`, `$2`, … at the end.
    ///
    /// # Panics
    /// When there is no `sh`.
    pub fn run(script: &str, args: &[&OsStr]) -> Self {
        // an interrupt from the terminal reaches the whole process group; the script must survive it
        let script = format!("trap '' INT TERM HUP; read -r _; {script}");
        let child = Command::new("sh")
            .args(["-c", &script, "on-exit"])
            .args(args)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("can't start sh: {error}"));
        Self(child)
    }
}

impl Drop for OnExit {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A command for a program that is killed when the thread that starts it ends, without any clean-up of its own.
pub fn bound_to_this_thread(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
///
/// # Panics
/// When it can't be started or ends with another status than 0; the message holds everything it printed.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("can't start {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}

/// Kills a process as a crash would.
///
/// # Panics
/// When there is none.
pub fn kill_hard(pid: u32) {
    succeed(Command::new("kill").args(["-KILL", &pid.to_string()]));
}
