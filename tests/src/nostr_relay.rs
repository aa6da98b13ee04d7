//! A Nostr relay that others wrote (`nostr-relay`), on loopback, and what loses its answers.

use std::fs::File;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::cluster::reserve_port;
use crate::http;
use crate::process::bound_to_this_thread;
use crate::python::install;
use crate::wait::{SOON, wait_for};

/// A running relay. Killed, with everything it stored, when dropped.
#[derive(Debug)]
pub struct NostrRelay {
    port: u16,
    process: Child,
    _dir: tempfile::TempDir,
}

impl NostrRelay {
    /// Starts one.
    ///
    /// # Panics
    /// When it can't be installed or doesn't start; the message says why.
    pub async fn start() -> Self {
        let program = install("nostr-relay", "nostr-relay");
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary directory: {error}"));
        let (config, log) = (dir.path().join("config.yaml"), dir.path().join("log"));
        let port = reserve_port();
        let validators = ["is_not_too_large", "is_signed", "is_recent"]
            .map(|name| format!("nostr_relay.validators.{name}"));
        // JSON is YAML too
        let settings = json!({
            "storage": {
                "sqlalchemy.url": format!("sqlite+aiosqlite:///{}", dir.path().join("db").display()),
                "num_concurrent_reqs": 10, "num_concurrent_adds": 2, "validators": validators,
            },
            "gunicorn": {"bind": format!("127.0.0.1:{port}"), "workers": 1, "loglevel": "info"},
        });
        std::fs::write(&config, settings.to_string())
            .unwrap_or_else(|error| panic!("{}: {error}", config.display()));
        let errors = File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let process = bound_to_this_thread(&program)
            .arg("-c")
            .arg(&config)
            .args(["serve", "--use-uvicorn"])
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("can't start {}: {error}", program.display()));
        let relay = Self { port, process, _dir: dir };
        wait_for("nostr-relay to answer", SOON, async || {
            let answer = http::get(format!("{}/", relay.url())).await;
            answer.map_err(|error| (error.to_string(), std::fs::read_to_string(&log).unwrap_or_default()))
        })
        .await;
        relay
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The texts that an author has there, oldest first.
    ///
    /// # Panics
    /// When it doesn't answer.
    pub async fn texts(&self, author: &str) -> Vec<String> {
        let mut events = self.events(&json!({"authors": [author], "kinds": [1]})).await;
        events.sort_by_key(|event| event["created_at"].as_u64());
        events.iter().filter_map(|event| event["content"].as_str()).map(str::to_owned).collect()
    }

    /// What it shows of what a filter asks for, each event once: one that it takes meanwhile, it shows as stored and as new.
    ///
    /// # Panics
    /// When it doesn't answer.
    pub async fn events(&self, filter: &Value) -> Vec<Value> {
        let at = ("127.0.0.1", self.port);
        let stream = TcpStream::connect(at).await.unwrap_or_else(|error| panic!("no relay: {error}"));
        let opened = client_async(format!("ws://127.0.0.1:{}/", self.port), stream).await;
        let (mut socket, _) = opened.unwrap_or_else(|error| panic!("no WebSocket: {error}"));
        let ask = json!(["REQ", "test", filter]).to_string();
        socket.send(Message::text(ask)).await.unwrap_or_else(|error| panic!("not asked: {error}"));
        let mut events: Vec<Value> = Vec::new();
        while let Some(Ok(message)) = socket.next().await {
            let said: Value = serde_json::from_str(message.to_text().unwrap_or_default()).unwrap_or_default();
            match said[0].as_str() {
                Some("EVENT") if events.iter().all(|event| event["id"] != said[2]["id"]) => {
                    events.push(said[2].clone());
                }
                Some("EOSE") => return events,
                _ => {}
            }
        }
        panic!("the relay ended the connection");
    }
}

impl Drop for NostrRelay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What stands between a program and a relay: while it is silent, nothing that the relay says after its handshake comes through.
#[derive(Debug)]
pub struct Between {
    port: u16,
    silent: Arc<AtomicBool>,
    kept: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Between {
    /// Listens for a relay.
    ///
    /// # Panics
    /// When it can't.
    pub async fn start(relay: &NostrRelay) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.unwrap_or_else(|error| panic!("no free port: {error}"));
        let port = listener.local_addr().map_or(0, |address| address.port());
        let (silent, kept, to) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), relay.port);
        let (is_silent, count) = (Arc::clone(&silent), Arc::clone(&kept));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, to, Arc::clone(&is_silent), Arc::clone(&count)));
            }
        });
        Self { port, silent, kept, task }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Keeps what the relay says, or no longer.
    pub fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// How often the relay said something that nobody got.
    pub fn kept(&self) -> usize {
        self.kept.load(Ordering::SeqCst)
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(client: TcpStream, to: u16, silent: Arc<AtomicBool>, kept: Arc<AtomicUsize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = tokio::io::copy(&mut from_client, &mut to_server);
    let down = async {
        let (mut buffer, mut answers) = (vec![0; 64 * 1024], 0);
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            // the first is that of the handshake
            answers += 1;
            if answers > 1 && silent.load(Ordering::SeqCst) {
                kept.fetch_add(1, Ordering::SeqCst);
            } else if to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = up => {}
        () = down => {}
    }
}
