//! A Mastodon server that others wrote (`mastodon-mock`), on loopback.

use std::fs::File;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::cluster::reserve_port;
use crate::http;
use crate::process::bound_to_this_thread;
use crate::python::install;
use crate::wait::{SOON, wait_for};

/// The only account.
pub const NAME: &str = "alice";
/// Its access token.
pub const TOKEN: &str = "the-token-of-alice";

/// A running server. Killed, with everything it stored, when dropped.
#[derive(Debug)]
pub struct MastodonMock {
    url: String,
    process: Child,
    _dir: tempfile::TempDir,
}

impl MastodonMock {
    /// Starts one.
    ///
    /// # Panics
    /// When it can't be installed or doesn't start; the message says why.
    pub async fn start() -> Self {
        let program = install("mastodon-mock", "mastodon_mock");
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary directory: {error}"));
        let (config, log) = (dir.path().join("config.toml"), dir.path().join("log"));
        let seed = format!("[[seed.accounts]]\nusername = \"{NAME}\"\naccess_token = \"{TOKEN}\"\n");
        std::fs::write(&config, seed).unwrap_or_else(|error| panic!("{}: {error}", config.display()));
        let errors = File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let port = reserve_port();
        let process = bound_to_this_thread(&program)
            .args(["serve", "--in-memory", "--host", "127.0.0.1", "--port", &port.to_string(), "--config"])
            .arg(&config)
            .current_dir(dir.path())
            // its database and media go into the place for temporary files, and stay there
            .env("TMPDIR", dir.path())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("can't start {}: {error}", program.display()));
        let server = Self { url: format!("http://127.0.0.1:{port}"), process, _dir: dir };
        wait_for("mastodon-mock to answer", SOON, async || {
            let answer = http::get(format!("{}/api/v2/instance", server.url)).await;
            answer.map_err(|error| (error.to_string(), std::fs::read_to_string(&log).unwrap_or_default()))
        })
        .await;
        server
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it says under a path of `/api/v1/`.
    pub async fn read(&self, path: &str) -> Value {
        let request = http::client().get(format!("{}/api/v1/{path}", self.url)).bearer_auth(TOKEN);
        let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}"));
        answer.json().await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The texts of all posts, oldest first, as HTML.
    pub async fn texts(&self) -> Vec<String> {
        let me = self.read("accounts/verify_credentials").await;
        let id = me["id"].as_str().unwrap_or_default();
        let posts = self.read(&format!("accounts/{id}/statuses?limit=40")).await;
        let posts = posts.as_array().cloned().unwrap_or_default();
        posts.iter().rev().filter_map(|post| post["content"].as_str()).map(str::to_owned).collect()
    }

    /// Plans a fault for the next call that publishes.
    pub async fn plan(&self, effect: Value) {
        let rule = json!({
            "match": {"methods": ["POST"], "path": "/api/v1/statuses"}, "effect": effect, "count": 1,
        });
        let request = http::client().post(format!("{}/api/v1/_mock/faults", self.url)).json(&rule);
        let answer = request.send().await.unwrap_or_else(|error| panic!("{rule}: {error}"));
        assert!(answer.status().is_success(), "{rule}: {}", answer.status());
    }
}

impl Drop for MastodonMock {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
