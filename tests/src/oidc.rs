//! A real authorization server (`oidc-provider`) at the addresses of X, on loopback. Each test has its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::browser::{Browser, Page};
use crate::http;
use crate::npm;
use crate::process::bound_to_this_thread;

/// A running server. Everything it knows is in its memory: one that is started anew knows no grant.
#[derive(Debug)]
pub struct Oidc {
    url: String,
    process: Child,
}

impl Oidc {
    /// Starts it for one app and its redirect URI.
    ///
    /// # Panics
    /// When it can't be installed or doesn't start.
    pub fn start(port: u16, redirect_uri: &str, app: (&str, &str), access_seconds: u32) -> Self {
        let package = npm::install("oidc", "oidc-provider");
        let mut command = bound_to_this_thread(Path::new("node"));
        command.arg(package.join("start.mjs"));
        command.args([&port.to_string(), redirect_uri, app.0, app.1, &access_seconds.to_string()]);
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("can't start node: {error}"));
        let output = process.stdout.take().unwrap_or_else(|| panic!("no output"));
        let mut lines = BufReader::new(output).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line == "READY"));
        assert!(ready, "the authorization server didn't start");
        std::thread::spawn(move || lines.for_each(drop));
        Self { url: format!("http://127.0.0.1:{port}"), process }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many codes were exchanged, how many refreshes were made, and how many grants it has ended.
    pub async fn counts(&self) -> (u64, u64, u64) {
        let answer = http::get(format!("{}/counts", self.url)).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}")).text().await.unwrap_or_default();
        let counts: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
        let count = |name: &str| counts[name].as_u64().unwrap_or_default();
        (count("exchanged"), count("refreshed"), count("reused"))
    }

    /// Logs a person in on its pages and says yes, or no.
    pub async fn consent(
        &self,
        browser: &Browser,
        mut page: Page,
        login: &str,
        yes: bool,
        application: &str,
    ) -> Page {
        // the login, and the consent; a browser that has logged in before is asked for consent alone
        for _ in 0..4 {
            if !page.url.as_str().starts_with(&self.url) {
                return page;
            }
            if !yes {
                let abort = page.after("href=\"").unwrap_or_else(|| panic!("no way out of {page:?}"));
                let abort = page.url.join(&abort).unwrap_or_else(|error| panic!("{abort}: {error}"));
                page = browser.go(abort.as_str(), application).await;
                continue;
            }
            let prompt = page.after("name=\"prompt\" value=\"");
            let prompt = prompt.unwrap_or_else(|| panic!("no form in {page:?}"));
            let form = [("prompt", prompt.as_str()), ("login", login), ("password", "any")];
            let action = page.after("action=\"").unwrap_or_else(|| page.url.to_string());
            let action = page.url.join(&action).unwrap_or_else(|error| panic!("{action}: {error}"));
            page = browser.submit(action.as_str(), &form, application).await;
        }
        page
    }
}

impl Drop for Oidc {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
