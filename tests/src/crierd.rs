//! The sidecar as its users run it: the real program with a key file, a configuration and variables.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use uuid::Uuid;

use crate::process::bound_to_this_thread;
use crate::wait::{SOON, wait_for};

/// Settings for tests: quick to notice, quick to take over.
const SETTINGS: [(&str, &str); 6] = [
    ("CRIER_HTTP_LISTEN", "127.0.0.1:0"),
    ("CRIER_LOG_FORMAT", "json"),
    ("CRIER_LOG_LEVEL", "debug"),
    ("CRIER_WORKER_POLL", "200ms"),
    ("CRIER_WORKER_LEASE", "10s"),
    ("CRIER_WORKER_DRAIN", "20s"),
];

/// Platforms where every account has a server of its own.
const MANY_SERVERS: [&str; 6] = ["bluesky", "lemmy", "mastodon", "misskey", "nostr", "wordpress"];

/// A directory with key file and configuration, from which any number of processes run.
#[derive(Debug)]
pub struct Deployment {
    dir: tempfile::TempDir,
    database_url: String,
    runs: AtomicU32,
    /// Where platforms are that have one server: the names of settings, and addresses.
    servers: Mutex<BTreeMap<String, String>>,
}

/// What a command of the program printed.
#[derive(Debug)]
pub struct Printed {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Deployment {
    /// Makes key file and configuration with `crierd init`.
    pub fn init(database_url: &str) -> Self {
        let deployment = Self::uninitialized(database_url);
        let printed = deployment.run(&["init"], "");
        assert!(printed.status.success(), "crierd init failed: {printed:?}");
        deployment
    }

    /// An empty directory.
    pub fn uninitialized(database_url: &str) -> Self {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary directory: {error}"));
        Self {
            dir,
            database_url: database_url.to_owned(),
            runs: AtomicU32::new(0),
            servers: Mutex::default(),
        }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The program in this directory, with this environment and no other. A subcommand and its arguments follow.
    pub fn command(&self) -> Command {
        let mut command = bound_to_this_thread(&program());
        command.current_dir(self.dir()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(SETTINGS).env("CRIER_DATABASE_URL", &self.database_url);
        command.envs(self.servers().iter());
        command
    }

    /// Runs a command to its end with `input` on standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> Printed {
        finish(self.command().args(arguments), input)
    }

    /// Connects a Bluesky account and gives its id.
    ///
    /// # Panics
    /// When the program doesn't print the id alone; the message holds what it printed.
    pub fn add_account(&self, workspace: Uuid, handle: &str, pds: &str, app_password: &str) -> Uuid {
        id_in(&self.try_add_account(workspace, handle, pds, app_password))
    }

    /// The same without a judgement.
    pub fn try_add_account(&self, workspace: Uuid, handle: &str, pds: &str, app_password: &str) -> Printed {
        self.try_add_account_on("bluesky", workspace, handle, pds, app_password)
    }

    /// Connects an account on another platform and gives its id.
    ///
    /// # Panics
    /// As [`Deployment::add_account`].
    pub fn add_account_on(
        &self,
        platform: &str,
        workspace: Uuid,
        handle: &str,
        server: &str,
        secret: &str,
    ) -> Uuid {
        id_in(&self.try_add_account_on(platform, workspace, handle, server, secret))
    }

    /// The same without a judgement. A platform that has one server has this one from now on.
    pub fn try_add_account_on(
        &self,
        platform: &str,
        workspace: Uuid,
        handle: &str,
        server: &str,
        secret: &str,
    ) -> Printed {
        if !MANY_SERVERS.contains(&platform) {
            let name = format!("CRIER_{}_SERVER", platform.to_uppercase());
            self.servers().insert(name, server.to_owned());
        }
        let workspace = workspace.to_string();
        let arguments =
            ["account", "add", platform, "--workspace", &workspace, "--handle", handle, "--server", server];
        self.run(&arguments, &format!("{secret}\n"))
    }

    fn servers(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts `crierd run` and waits until it listens.
    pub async fn start(&self) -> Crierd {
        self.start_with(&[]).await
    }

    /// The same with variables on top.
    pub async fn start_with(&self, variables: &[(&str, &str)]) -> Crierd {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let log = self.dir().join(format!("crierd-{run}.log"));
        let file = File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let process = self
            .command()
            .envs(variables.iter().copied())
            .arg("run")
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("can't start crierd: {error}"));
        let mut crierd = Crierd { process, log, url: String::new() };
        crierd.url = wait_for("crierd to listen", SOON, async || crierd.listening()).await;
        crierd
    }

    /// Everything that processes started here have logged.
    pub fn logs(&self) -> String {
        let runs = 0..self.runs.load(Ordering::Relaxed);
        let read = |run| std::fs::read_to_string(self.dir().join(format!("crierd-{run}.log")));
        runs.map(|run| read(run).unwrap_or_default()).collect()
    }
}

fn id_in(printed: &Printed) -> Uuid {
    let id = printed.stdout.strip_suffix('\n').and_then(|line| line.parse().ok());
    id.filter(|_| printed.status.success())
        .unwrap_or_else(|| panic!("expected the account id alone on standard output: {printed:?}"))
}

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time.
    pub cpu_seconds: f64,
    /// Memory now.
    pub resident_bytes: u64,
    /// The most memory at a time.
    pub peak_bytes: u64,
}

/// A running sidecar. Killed when dropped.
#[derive(Debug)]
pub struct Crierd {
    process: Child,
    log: PathBuf,
    url: String,
}

impl Crierd {
    /// Where it serves HTTP.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it serves the API for users, up to its version.
    ///
    /// # Panics
    /// When it doesn't.
    pub fn api_url(&self) -> String {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("the API is served"));
        line.and_then(address).unwrap_or_else(|| panic!("the API is not served:\n{log}"))
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it has used so far.
    ///
    /// # Panics
    /// When it has ended.
    pub fn usage(&self) -> Usage {
        let read = |file: &str| {
            let path = format!("/proc/{}/{file}", self.process.id());
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        // see proc(5): the name may hold blanks and brackets
        let stat = read("stat");
        let ticks = stat.rsplit_once(')').map_or(0, |(_, rest)| {
            let fields = rest.split_whitespace().skip(11).take(2);
            fields.filter_map(|field| field.parse::<u64>().ok()).sum()
        });
        let status = read("status");
        let bytes = |name: &str| {
            let kilobytes =
                status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
            kilobytes.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        Usage {
            cpu_seconds: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
            resident_bytes: bytes("VmRSS:"),
            peak_bytes: bytes("VmHWM:"),
        }
    }

    /// How large a core it may leave behind.
    ///
    /// # Panics
    /// When it has ended.
    pub fn max_core_bytes(&self) -> String {
        let path = format!("/proc/{}/limits", self.process.id());
        let limits = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
        line.and_then(|line| line.split_whitespace().next()).unwrap_or_default().to_owned()
    }

    /// Ends it at once, as a crash of the machine would.
    pub fn kill(mut self) {
        self.end_now();
    }

    /// Asks it to stop; [`Crierd::ended`] waits for it.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Lets no instruction of it run, as a machine without time for it would.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        let pid = pid.unwrap_or_else(|| panic!("{} is not a process id", self.process.id()));
        kill_process(pid, signal).unwrap_or_else(|error| panic!("can't send {signal:?} to crierd: {error}"));
    }

    /// Waits until it has ended by itself.
    pub async fn ended(mut self) -> ExitStatus {
        let log = self.log.clone();
        wait_for("crierd to end", SOON, async || match self.process.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(format!("it still runs; its log:\n{}", tail(&log))),
            Err(error) => panic!("can't wait for crierd: {error}"),
        })
        .await
    }

    fn end_now(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// The address in the line that says so, or what there is instead.
    fn listening(&mut self) -> Result<String, String> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("listening"));
        let address = line.and_then(address);
        if let (None, Ok(Some(status))) = (&address, self.process.try_wait()) {
            panic!("crierd ended with {status} instead of listening; its log:\n{log}")
        }
        address.ok_or(log)
    }
}

impl Drop for Crierd {
    fn drop(&mut self) {
        self.end_now();
        // read by whoever looks for why a test failed
        if std::thread::panicking() {
            eprintln!("---- the end of {}:\n{}", self.log.display(), tail(&self.log));
        }
    }
}

/// The address in a line of the log.
fn address(line: &str) -> Option<String> {
    let after = &line[line.find("127.0.0.1:")?..];
    let end = after.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').unwrap_or(after.len());
    Some(format!("http://{}", &after[..end]))
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// The program: `CRIER_TEST_CRIERD`, or what was built into the same directory as this test.
///
/// # Panics
/// When it isn't there.
pub fn program() -> PathBuf {
    let path = match std::env::var_os("CRIER_TEST_CRIERD") {
        Some(path) => PathBuf::from(path),
        None => {
            let test = std::env::current_exe().unwrap_or_else(|error| panic!("no own path: {error}"));
            // target/debug/deps/it-… or target/debug/crier-bench
            let profile = test.ancestors().skip(1).find(|dir| !dir.ends_with("deps"));
            profile.unwrap_or(&test).join("crierd")
        }
    };
    assert!(path.is_file(), "there is no {}: build it first (`cargo build -p crierd`)", path.display());
    path
}

/// Runs a command to its end with `input` on standard input.
pub fn finish(command: &mut Command, input: &str) -> Printed {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("can't start {command:?}: {error}"));
    if let Some(mut stdin) = child.stdin.take() {
        // a program that ends without reading closes the pipe
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Printed { status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}
