//! A real Bluesky server (`@atproto/pds`) with its directory of DIDs, on loopback.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::npm;
use crate::process::OnExit;
use crate::xrpc::Xrpc;

const POST: &str = "app.bsky.feed.post";

/// A running server. Killed with everything it stored when the test program ends, in whatever way.
#[derive(Debug)]
pub struct Pds {
    url: String,
    accounts: AtomicU32,
    _process: Child,
    _remove: OnExit,
}

/// An account on it.
#[derive(Debug)]
pub struct PdsAccount {
    /// Its DID.
    pub did: String,
    /// Its handle.
    pub handle: String,
    /// An app password of it: what Crier gets.
    pub app_password: String,
}

impl Pds {
    /// The server that all tests share: each has accounts of its own.
    ///
    /// # Panics
    /// When it can't be installed or doesn't start; the message says why.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Pds> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let package = npm::install("pds", "@atproto/pds (about two minutes)");
        let data = tempfile::Builder::new().prefix("crier-pds-").tempdir();
        let data = data.unwrap_or_else(|error| panic!("no temporary directory: {error}")).keep();
        let log = data.join("pds.log");
        let errors = File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let mut process = Command::new("node")
            .arg(package.join("start.js"))
            .arg(&data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("can't start node: {error}"));
        let id = process.id().to_string();
        let remove = OnExit::run("kill -9 \"$1\"; rm -rf \"$2\"", &[OsStr::new(&id), data.as_os_str()]);
        let mut lines = BufReader::new(process.stdout.take().unwrap_or_else(|| panic!("no output"))).lines();
        let ready = lines.find_map(|line| {
            let line = line.ok()?;
            Some(line.strip_prefix("READY pds=")?.split_whitespace().next()?.to_owned())
        });
        let Some(url) = ready else {
            panic!("the PDS didn't start:\n{}", std::fs::read_to_string(&log).unwrap_or_default())
        };
        // it logs every request; somebody has to read that, or it stops
        std::thread::spawn(move || lines.for_each(drop));
        Self { url, accounts: AtomicU32::new(0), _process: process, _remove: remove }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A new client each time: connections belong to the runtime of one test.
    fn xrpc(&self) -> Xrpc {
        Xrpc::new(&self.url)
    }

    /// Makes an account with an app password; its handle begins with `name`.
    pub async fn add_account(&self, name: &str) -> PdsAccount {
        let handle = format!("{name}{}.test", self.accounts.fetch_add(1, Ordering::Relaxed));
        let email = format!("{}@example.test", handle.replace('.', "-"));
        let new = json!({"handle": handle, "email": email, "password": uuid::Uuid::new_v4()});
        let made = self.xrpc().post("com.atproto.server.createAccount", &new, None).await.ok();
        let name = json!({"name": "crier"});
        let call = "com.atproto.server.createAppPassword";
        let password = self.xrpc().post(call, &name, made["accessJwt"].as_str()).await.ok();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        PdsAccount { did: text(&made["did"]), handle, app_password: text(&password["password"]) }
    }

    /// The posts of an account, oldest key first.
    pub async fn posts(&self, did: &str) -> Vec<Value> {
        let query = [("repo", did), ("collection", POST), ("reverse", "true"), ("limit", "100")];
        let answer = self.xrpc().get("com.atproto.repo.listRecords", &query, None).await.ok();
        answer["records"].as_array().cloned().unwrap_or_else(|| panic!("no records in {answer}"))
    }

    /// One record by its address `at://did/collection/key`.
    pub async fn record(&self, uri: &str) -> Value {
        let parts: Vec<_> = uri.trim_start_matches("at://").split('/').collect();
        let [repo, collection, rkey] = parts[..] else { panic!("{uri:?} is not the address of a record") };
        let query = [("repo", repo), ("collection", collection), ("rkey", rkey)];
        self.xrpc().get("com.atproto.repo.getRecord", &query, None).await.ok()
    }
}
