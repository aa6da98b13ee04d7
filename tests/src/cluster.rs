//! Throwaway Postgres servers with the extension, and databases on them.
//!
//! One directory is made by initdb and gets the extension once per process. A test that restarts or scans its
//! server works on a copy of it; every other test gets a database of its own on one shared server.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::installation::Installation;
use crate::process::{OnExit, succeed};
use crate::session::Session;

/// The role the sidecar logs in with.
pub const SIDECAR_ROLE: &str = "crierd";
/// The database that every other one is copied from.
const TEMPLATE: &str = "crier";
/// Below the range from which the system gives out ports, so that only another cluster can be in the way.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Ends the server at once and removes its files; `$1` is the directory. Without pg_ctl: the installation may be gone
/// by then.
const REMOVE: &str = r#"
    if read -r pid < "$1/data/postmaster.pid"; then
        kill -QUIT "$pid"
        for _ in $(seq 200); do kill -0 "$pid" || break; sleep 0.05; done
    fi
    rm -rf "$1""#;

/// A Postgres server of its own. Stopped and removed when dropped, and when the process ends in any way.
#[derive(Debug)]
pub struct Server {
    /// Where its programs are.
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    _remove: OnExit,
}

impl Server {
    /// A server as initdb makes it: no extension, no database besides `postgres`.
    pub fn bare() -> Self {
        let server = Self::prepare(bin_dir());
        succeed(
            server
                .program("initdb")
                .args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", "postgres"])
                .args([OsStr::new("--no-sync"), OsStr::new("-D"), server.data_dir().as_os_str()]),
        );
        server.started(&[])
    }

    /// A server with the database `crier` ready, as a copy of the template.
    fn copied(bin: PathBuf, settings: &[(&str, &str)]) -> Self {
        let server = Self::prepare(bin);
        succeed(Command::new("cp").arg("-a").arg(template_dir()).arg(server.data_dir()));
        server.started(settings)
    }

    /// A hot standby that follows this server.
    pub fn standby(&self) -> Self {
        let server = Self::prepare(self.bin.clone());
        let port = self.port.to_string();
        succeed(
            server
                .program("pg_basebackup")
                .args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-R", "-X", "stream", "-c", "fast"])
                .args([OsStr::new("--no-sync"), OsStr::new("-D"), server.data_dir().as_os_str()]),
        );
        let primary = format!("host=127.0.0.1 port={port} user=postgres");
        server.started(&[("primary_conninfo", &primary)])
    }

    /// Makes a standby a primary.
    pub fn promote(&self) {
        succeed(self.program("pg_ctl").args(["promote", "-s", "-w", "-D"]).arg(self.data_dir()));
    }

    fn prepare(bin: PathBuf) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("crier-")
            .tempdir_in("/tmp") // short: the path of a socket has at most 107 bytes
            .unwrap_or_else(|error| panic!("can't make a directory in /tmp: {error}"));
        own(dir.path(), server_user());
        let remove = OnExit::run(REMOVE, &[dir.path().as_os_str()]);
        // from here on the shell removes it
        Self { bin, dir: dir.keep(), port: 0, _remove: remove }
    }

    fn started(mut self, settings: &[(&str, &str)]) -> Self {
        // another process may have taken the port: then the server says so and the next one is tried
        for _ in 0..20 {
            self.port = reserve_port();
            self.configure(settings);
            match self.try_start() {
                Ok(()) => return self,
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("the server didn't start:\n{log}"),
            }
        }
        panic!("found no free port in {PORTS:?}")
    }

    fn configure(&self, settings: &[(&str, &str)]) {
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\n",
            self.port,
            self.dir.display()
        );
        // nothing here survives the machine, so nothing waits for its disk; a crash of the server loses nothing
        let ours = [
            ("fsync", "off"),
            ("full_page_writes", "off"),
            ("max_connections", "200"),
            ("jit", "off"),
            ("shared_preload_libraries", "crier"),
            ("crier.queue_capacity", "100000"),
            ("timezone", "UTC"),
            ("log_line_prefix", "%m [%p] %u@%d "),
        ];
        for (name, value) in ours.iter().chain(settings) {
            // the last line of a setting counts
            let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
        }
        let path = self.data_dir().join("postgresql.auto.conf");
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("can't write {}: {error}", path.display()));
    }

    fn try_start(&self) -> Result<(), String> {
        let output = self
            .program("pg_ctl")
            .args(["start", "-s", "-w", "-t", "120", "-l"])
            .arg(self.log_path())
            .arg("-D")
            .arg(self.data_dir())
            .output()
            .unwrap_or_else(|error| panic!("can't start pg_ctl: {error}"));
        if output.status.success() { Ok(()) } else { Err(self.log()) }
    }

    /// A server program, as a user that Postgres accepts.
    fn program(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        let mut command = match server_user() {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(program);
                command
            }
        };
        clean(&mut command).stdin(Stdio::null());
        command
    }

    /// Starts a stopped server, on the same port.
    ///
    /// # Panics
    /// When it doesn't start; the message holds its log.
    pub fn start(&self) {
        self.try_start().unwrap_or_else(|log| panic!("the server didn't start again:\n{log}"));
    }

    /// Stops the server; `mode` is `fast` or `immediate` (as if it had crashed).
    pub fn stop(&self, mode: &str) {
        succeed(self.program("pg_ctl").args(["stop", "-s", "-w", "-m", mode, "-D"]).arg(self.data_dir()));
    }

    /// Crashes the server and starts it again.
    pub fn crash_and_restart(&self) {
        self.stop("immediate");
        self.start();
    }

    /// Restarts the server with none of its files in memory, as after a restart of the machine.
    pub fn restart_cold(&self) {
        self.stop("fast");
        let data = self.data_dir();
        forget(&data).unwrap_or_else(|error| panic!("{}: {error}", data.display()));
        self.start();
    }

    /// The data directory, WAL included.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// The server's log file.
    pub fn log_path(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address for a role and a database.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// A client program of the server's version (`psql`, `pg_dump`, …), connected as superuser.
    pub fn client(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        clean(&mut command).arg("--dbname").arg(self.url("postgres", database));
        command
    }

    /// The session of a superuser.
    pub async fn connect(&self, database: &str) -> Session {
        Session::connect(&self.url("postgres", database)).await
    }
}

/// Has the system drop what it keeps of the files in a directory.
fn forget(dir: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            forget(&path)?;
        } else if path.is_file() {
            let file = std::fs::File::open(&path)?;
            // what is not on the disk yet can't be dropped
            file.sync_data()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}

/// A database with the extension and the tables.
#[derive(Clone, Debug)]
pub struct Database {
    server: Arc<Server>,
    name: String,
}

/// How many databases a server is shared by: its memory has room for the limits of some hundreds.
const SHARED_BY: u32 = 250;

/// A server with room for one more database. The one before goes with the last test that uses it.
fn roomy() -> Arc<Server> {
    static SHARED: Mutex<Option<(Arc<Server>, u32)>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let (server, count) = match shared.take() {
        Some((server, count)) if count < SHARED_BY => (server, count),
        _ => (Arc::new(Server::copied(bin_dir(), &[])), 0),
    };
    *shared = Some((Arc::clone(&server), count + 1));
    server
}

impl Database {
    /// A new database on the shared server.
    pub async fn shared() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = roomy();
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let admin = server.connect("postgres").await;
        admin.run(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await;
        let database = Self { server, name };
        // a copy is paused until somebody says that it is meant
        database.connect().await.run("SELECT crier.adopt_database()").await;
        database
    }

    /// A database on a server that no other test uses.
    pub async fn private() -> Self {
        Self::private_with(&[]).await
    }

    /// The same with settings of `postgresql.conf`.
    pub async fn private_with(settings: &[(&str, &str)]) -> Self {
        Self { server: Arc::new(Server::copied(bin_dir(), settings)), name: TEMPLATE.to_owned() }
    }

    /// The same with the programs and the library of an installation.
    pub async fn private_in(installation: &Installation) -> Self {
        let server = Server::copied(installation.bin().to_owned(), &[]);
        Self { server: Arc::new(server), name: TEMPLATE.to_owned() }
    }

    /// The server it is on.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A session of the superuser.
    pub async fn connect(&self) -> Session {
        self.server.connect(&self.name).await
    }

    /// A session of another role.
    pub async fn connect_as(&self, role: &str) -> Session {
        Session::connect(&self.url(role)).await
    }

    /// Its address for a role.
    pub fn url(&self, role: &str) -> String {
        self.server.url(role, &self.name)
    }

    /// The same through what listens on another port.
    pub fn url_through(&self, role: &str, port: u16) -> String {
        format!("postgres://{role}@127.0.0.1:{port}/{}", self.name)
    }
}

/// The data directory that the copies are made of.
fn template_dir() -> &'static Path {
    static MADE: OnceLock<(PathBuf, OnExit)> = OnceLock::new();
    let (dir, _remove) = MADE.get_or_init(|| {
        let server = Server::bare();
        // a runtime can't be started inside a runtime's thread
        std::thread::scope(|scope| {
            let install = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap_or_else(|error| panic!("no runtime: {error}")).block_on(install(&server));
            };
            if let Err(panic) = scope.spawn(install).join() {
                std::panic::resume_unwind(panic);
            }
        });
        server.stop("fast");
        let data = server.data_dir();
        (data, server._remove)
    });
    dir
}

async fn install(server: &Server) {
    let admin = server.connect("postgres").await;
    admin.run(&format!("CREATE DATABASE {TEMPLATE}")).await;
    let session = server.connect(TEMPLATE).await;
    session.run("CREATE EXTENSION crier; SELECT * FROM crier.migrate()").await;
    session.run(&format!("CREATE ROLE {SIDECAR_ROLE} LOGIN PASSWORD 'unused' IN ROLE crier_worker")).await;
}

/// The bin directory of the Postgres that has the extension.
///
/// # Panics
/// When `CRIER_TEST_PG_BIN` doesn't name one.
pub fn bin_dir() -> PathBuf {
    let Some(dir) = std::env::var_os("CRIER_TEST_PG_BIN").map(PathBuf::from) else {
        panic!(
            "CRIER_TEST_PG_BIN is not set: it names the bin directory of a private Postgres that has the \
             extension. `make test` makes one and sets it; scripts/private-postgres makes one by hand"
        )
    };
    assert!(
        dir.join("postgres").is_file(),
        "CRIER_TEST_PG_BIN is {}, where there is no postgres",
        dir.display()
    );
    dir
}

/// Takes away what the environment would change.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    // with a backtrace every error of the extension would carry fifty lines of it to the client
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE").current_dir("/")
}

/// Postgres refuses to run as root: then it runs as the user its package makes.
pub(crate) fn server_user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("postgres")
}

fn own(dir: &Path, owner: Option<&str>) {
    // the tests read the log; the socket is in it
    std::fs::set_permissions(dir, PermissionsExt::from_mode(0o755))
        .unwrap_or_else(|error| panic!("can't open {}: {error}", dir.display()));
    if let Some(owner) = owner {
        succeed(Command::new("chown").arg(owner).arg(dir));
    }
}

/// A port that no server of this process has and nobody listens on now.
pub fn reserve_port() -> u16 {
    static TAKEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = taken.get_or_insert_default();
    // processes start at different places, so that they rarely meet
    let first = std::process::id().wrapping_mul(7_919) % u32::from(PORTS.end - PORTS.start);
    let from_first = PORTS.cycle_from(first as u16);
    for port in from_first {
        if taken.contains(&port) {
            continue;
        }
        match std::net::TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => {
                taken.insert(port);
                return port;
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => panic!("can't listen on 127.0.0.1: {error}"),
        }
    }
    panic!("no port of {PORTS:?} is free")
}

trait CycleFrom {
    fn cycle_from(self, first: u16) -> impl Iterator<Item = u16>;
}

impl CycleFrom for std::ops::Range<u16> {
    fn cycle_from(self, first: u16) -> impl Iterator<Item = u16> {
        let middle = self.start + first;
        (middle..self.end).chain(self.start..middle)
    }
}
