//! A real Bluesky server (`@atproto/pds`) with its directory of DIDs, on loopback.

mod pages;

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
pub use pages::SentBack;

const POST: &str = "app.bsky.feed.post";
/// For [`Pds::start`]: access tokens are good for eight seconds, nonces for three.
const SHORT_LIVES: [(&str, &str); 2] = [("TOKEN_AGE", "8000"), ("NONCE_AGE", "3000")];

/// A running server. Killed with everything it stored when the test program ends, in whatever way.
#[derive(Debug)]
pub struct Pds {
    url: String,
    plc: String,
    accounts: AtomicU32,
    _process: Child,
    _remove: OnExit,
}

/// An account on it.
#[derive(Debug, Clone)]
pub struct PdsAccount {
    /// Its DID.
    pub did: String,
    /// Its handle.
    pub handle: String,
    /// An app password of it: what Crier gets.
    pub app_password: String,
    /// Its own password, which only its pages get.
    pub password: String,
}

impl Pds {
    /// The server that all tests share: each has accounts of its own.
    ///
    /// # Panics
    /// When it can't be installed or doesn't start; the message says why.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Pds> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// One whose access tokens and nonces last for seconds, for all tests that need that.
    ///
    /// # Panics
    /// As [`Pds::shared`].
    pub fn short_lived() -> &'static Self {
        static SHORT: OnceLock<Pds> = OnceLock::new();
        SHORT.get_or_init(|| Self::start(&SHORT_LIVES))
    }

    /// A server of its own, with these variables.
    ///
    /// # Panics
    /// As [`Pds::shared`].
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let package = npm::install("pds", "@atproto/pds (about two minutes)");
        let data = tempfile::Builder::new().prefix("crier-pds-").tempdir();
        let data = data.unwrap_or_else(|error| panic!("no temporary directory: {error}")).keep();
        let log = data.join("pds.log");
        let errors = File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let mut process = Command::new("node")
            .arg(package.join("start.js"))
            .arg(&data)
            .envs(variables.iter().copied())
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
            let (pds, plc) = line.strip_prefix("READY pds=")?.split_once(" plc=")?;
            Some((pds.to_owned(), plc.trim().to_owned()))
        });
        let Some((url, plc)) = ready else {
            panic!("the PDS didn't start:\n{}", std::fs::read_to_string(&log).unwrap_or_default())
        };
        // it logs every request; somebody has to read that, or it stops
        std::thread::spawn(move || lines.for_each(drop));
        Self { url, plc, accounts: AtomicU32::new(0), _process: process, _remove: remove }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// As it calls itself, in documents of accounts and as issuer of sessions.
    pub fn name(&self) -> String {
        self.url.replace("127.0.0.1", "localhost")
    }

    /// The directory of DIDs.
    pub fn plc(&self) -> &str {
        &self.plc
    }

    /// What was seen on the wire: `tokens`, the statuses of the answers of `/oauth/token`, and `bound`, the last call with a proof.
    pub async fn seen(&self) -> Value {
        let answer = crate::http::get(format!("{}/test/seen", self.url)).await;
        let text = answer.expect("an answer").text().await.expect("a text");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Loses the next tokens that it gives, on the way.
    pub async fn lose_tokens(&self) {
        crate::http::get(format!("{}/test/lose-tokens", self.url)).await.expect("an answer");
    }

    /// Has the documents of one origin read from another.
    pub async fn read_instead(&self, of: &str, instead: &str) {
        let url = format!("{}/test/read?of={of}&instead={instead}", self.url);
        crate::http::get(url).await.expect("an answer");
    }

    /// A new client each time: connections belong to the runtime of one test.
    fn xrpc(&self) -> Xrpc {
        Xrpc::new(&self.url)
    }

    /// Makes an account with an app password; its handle begins with `name`.
    pub async fn add_account(&self, name: &str) -> PdsAccount {
        let handle = format!("{name}{}.test", self.accounts.fetch_add(1, Ordering::Relaxed));
        let email = format!("{}@example.test", handle.replace('.', "-"));
        let own = uuid::Uuid::new_v4().to_string();
        let new = json!({"handle": handle, "email": email, "password": own});
        let made = self.xrpc().post("com.atproto.server.createAccount", &new, None).await.ok();
        let name = json!({"name": "crier"});
        let call = "com.atproto.server.createAppPassword";
        let password = self.xrpc().post(call, &name, made["accessJwt"].as_str()).await.ok();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        PdsAccount {
            did: text(&made["did"]),
            handle,
            app_password: text(&password["password"]),
            password: own,
        }
    }

    /// Gives an account another name.
    pub async fn rename(&self, account: &PdsAccount) -> PdsAccount {
        let session = json!({"identifier": account.did, "password": account.password});
        let session = self.xrpc().post("com.atproto.server.createSession", &session, None).await.ok();
        let handle = format!("renamed{}.test", self.accounts.fetch_add(1, Ordering::Relaxed));
        let call = "com.atproto.identity.updateHandle";
        self.xrpc().post(call, &json!({"handle": handle}), session["accessJwt"].as_str()).await.ok();
        PdsAccount { handle, ..account.clone() }
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
