//! PgBouncer in transaction mode, in front of a throwaway server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::cluster::{SIDECAR_ROLE, Server, reserve_port, server_user};

/// A PgBouncer that gives each transaction any of its two connections. Killed when dropped, and when the thread that
/// started it ends.
#[derive(Debug)]
pub struct PgBouncer {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl PgBouncer {
    /// Starts one in front of a server.
    ///
    /// # Panics
    /// When there is no `pgbouncer`: `scripts/prerequisites test` installs it.
    pub fn start(server: &Server) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("crier-bouncer-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in("/tmp")
            .unwrap_or_else(|error| panic!("can't make a directory in /tmp: {error}"));
        let port = reserve_port();
        let users = dir.path().join("users.txt");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 2\n",
            server.port(),
            users.display(),
        );
        let ini = dir.path().join("pgbouncer.ini");
        write(&users, &format!("\"postgres\" \"\"\n\"{SIDECAR_ROLE}\" \"\"\n"));
        write(&ini, &configuration);
        // it refuses to run as root
        let mut command = Command::new("setpriv");
        if let Some(user) = server_user() {
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        }
        command.args(["--pdeathsig", "KILL", "--"]).arg(program()).arg("--quiet").arg(&ini);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("can't start pgbouncer: {error}"));
        Self { child, port, _dir: dir }
    }

    /// The address through it for a role and a database.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> &'static Path {
    // Debian has it where only root looks
    let debian = Path::new("/usr/sbin/pgbouncer");
    if debian.exists() { debian } else { Path::new("pgbouncer") }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("can't write {}: {error}", path.display()));
}
