//! A real WordPress on loopback: unpacked from the distribution's packages by `scripts/wordpress`, with a MariaDB of its own
//! behind a socket in a temporary directory, served by PHP itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::Value;

use crate::cluster::reserve_port;
use crate::http;
use crate::process::{bound_to_this_thread, succeed};
use crate::wait::{SOON, wait_for};

/// A running site. Killed, with everything it stored, when dropped.
#[derive(Debug)]
pub struct WordPress {
    url: String,
    passwords: BTreeMap<String, String>,
    database: Child,
    php: Option<Child>,
    dir: tempfile::TempDir,
}

impl WordPress {
    /// Starts one with a few users.
    ///
    /// # Panics
    /// When it can't be unpacked or doesn't start; the message says why.
    pub async fn start() -> Self {
        let unpacked = unpack();
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary directory: {error}"));
        for part in ["data", "content"] {
            let path = dir.path().join(part);
            std::fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        let port = reserve_port();
        let database = bound_to_this_thread(&unpacked.join("bin/mariadbd"))
            // it runs as whoever runs the tests
            .arg(format!("--user={}", user()))
            .arg(format!("--datadir={}", dir.path().join("data").display()))
            .arg(format!("--socket={}", dir.path().join("socket").display()))
            .arg(format!("--pid-file={}", dir.path().join("pid").display()))
            .stdout(Stdio::null())
            .stderr(log(&dir, "mariadbd.log"))
            .spawn()
            .unwrap_or_else(|error| panic!("can't start MariaDB: {error}"));
        let mut site = Self {
            url: format!("http://127.0.0.1:{port}"),
            passwords: BTreeMap::new(),
            database,
            php: None,
            dir,
        };
        let root = unpacked.join("root/usr/share/wordpress");
        wait_for("MariaDB to listen", SOON, async || {
            if site.dir.path().join("socket").exists() { Ok(()) } else { Err(site.said("mariadbd.log")) }
        })
        .await;
        let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("wordpress/install.php");
        let mut php = Command::new(unpacked.join("bin/php"));
        let printed = succeed(site.for_it(php.arg(&install).arg(&root)));
        for line in String::from_utf8_lossy(&printed.stdout).lines() {
            if let [name, _, password] = line.split(' ').collect::<Vec<_>>()[..] {
                site.passwords.insert(name.to_owned(), password.to_owned());
            }
        }
        let mut php = bound_to_this_thread(&unpacked.join("bin/php"));
        php.args(["-S", &format!("127.0.0.1:{port}"), "-t"]).arg(&root).stdout(Stdio::null());
        let php = site.for_it(&mut php).stderr(log(&site.dir, "php.log")).spawn();
        site.php = Some(php.unwrap_or_else(|error| panic!("can't start PHP: {error}")));
        wait_for("WordPress to answer", SOON, async || {
            let answer = http::get(format!("{}/wp-json/", site.url)).await;
            answer
                .and_then(reqwest::Response::error_for_status)
                .map(drop)
                .map_err(|error| (error.to_string(), site.said("php.log")))
        })
        .await;
        site
    }

    fn for_it<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("SITE", self.dir.path()).env("SITE_URL", &self.url).env("TMPDIR", self.dir.path())
    }

    fn said(&self, log: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(log)).unwrap_or_default()
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The application password of a user: `alice` is an author, `carol` a contributor, `admin` the administrator.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn password(&self, user: &str) -> &str {
        self.passwords.get(user).unwrap_or_else(|| panic!("no user {user} in {:?}", self.passwords.keys()))
    }

    /// A call as the administrator under a path of `/wp-json/wp/v2/`: status and body.
    ///
    /// # Panics
    /// When the site doesn't answer in JSON.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let request = http::client().request(method, format!("{}/wp-json/wp/v2/{path}", self.url));
        let request = request.basic_auth("admin", Some(self.password("admin")));
        let request = body.into_iter().fold(request, reqwest::RequestBuilder::json);
        let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// The posts of a user, oldest first, in every state.
    pub async fn posts_of(&self, user: &str) -> Vec<Value> {
        let (_, users) = self.call(Method::GET, &format!("users?slug={user}"), None).await;
        let path = format!(
            "posts?author={}&status=any,trash&context=edit&per_page=100&orderby=id&order=asc",
            users[0]["id"]
        );
        self.call(Method::GET, &path, None).await.1.as_array().cloned().unwrap_or_default()
    }
}

impl Drop for WordPress {
    fn drop(&mut self) {
        for child in self.php.iter_mut().chain([&mut self.database]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn log(dir: &tempfile::TempDir, name: &str) -> File {
    File::create(dir.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn user() -> String {
    let printed = succeed(Command::new("id").arg("-un"));
    String::from_utf8_lossy(&printed.stdout).trim().to_owned()
}

/// Where the programs are, in the build directory.
fn unpack() -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let script = checkout.join("scripts/wordpress");
    let file = File::open(&script).unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    // other processes may be unpacking it now
    file.lock().unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    let checkout = checkout.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", checkout.display()));
    let unpacked = checkout.join("target/wordpress");
    succeed(Command::new(&script).arg(&unpacked));
    unpacked
}
