//! A real browser, Debian's Chromium without a window, driven by its own WebDriver.

mod element;
mod page;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::reserve_port;
use crate::http;
use crate::process::bound_to_this_thread;

pub use element::keys;
pub use page::{COMPUTER, PHONE, Screen};

/// As root it has no sandbox, and it asks nobody else for anything. By the pipe it ends with the driver, however that ends.
const ARGUMENTS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "--lang=en-US",
];
/// How long one step may take: a machine may be busy.
const STEP: Duration = Duration::from_secs(60);
/// How long its end may take.
const QUIT: Duration = Duration::from_secs(10);
/// With what the driver says where it listens.
const LISTENS: &str = "was started successfully on port ";

/// A browser with one window. Killed when dropped, and when the thread that started it ends.
#[derive(Debug)]
pub struct Chromium {
    client: reqwest::Client,
    /// Where the driver answers for this browser.
    session: String,
    driver: Child,
    _profile: TempDir,
}

/// Why the driver did not do something: its word for it, and what it says.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Its word.
    pub error: String,
    /// What it says.
    pub message: String,
}

impl Chromium {
    /// Starts one that nobody has used, in which every page is watched for what its policy forbids.
    ///
    /// # Panics
    /// When there is no `chromedriver` or no `chromium`: `scripts/prerequisites test` installs them.
    pub async fn start() -> Self {
        let profile = tempfile::Builder::new().prefix("crier-chromium-").tempdir();
        let profile = profile.unwrap_or_else(|error| panic!("no temporary directory: {error}"));
        let mut driver = bound_to_this_thread(Path::new("chromedriver"))
            // one that it chooses itself it takes for IPv6 first, and another may have it for IPv4: then it ends
            .arg(format!("--port={}", reserve_port()))
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("can't start chromedriver: {error}"));
        let port = port(&mut driver);
        let client = http::builder().timeout(STEP).no_proxy().build();
        let client = client.unwrap_or_else(|error| panic!("no client: {error}"));
        let server = format!("http://127.0.0.1:{port}/session");
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().join("profile").display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": arguments },
            "timeouts": { "script": 50_000, "pageLoad": 50_000 },
        } } });
        let mut browser = Self { client, session: server, driver, _profile: profile };
        let made = browser.ask(Method::POST, "", wanted).await;
        let made = made.unwrap_or_else(|refused| panic!("chromium does not start: {refused:?}"));
        let id = made["sessionId"].as_str().unwrap_or_else(|| panic!("no session in {made}"));
        browser.session = format!("{}/{id}", browser.session);
        browser.watch().await;
        browser
    }

    /// One command of WebDriver.
    ///
    /// # Errors
    /// When the driver refuses it.
    ///
    /// # Panics
    /// When the driver is gone.
    async fn ask(&self, method: Method, path: &str, body: Value) -> Result<Value, Refused> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.session));
        if method == Method::POST {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let good = answer.status().is_success();
        let mut answer: Value = answer.json().await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let value = answer["value"].take();
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        if good { Ok(value) } else { Err(Refused { error: text("error"), message: text("message") }) }
    }

    /// Ends the session; by hand, because whoever drops something can't await.
    fn quit(&self) -> std::io::Result<()> {
        let address = self.session.trim_start_matches("http://");
        let (host, path) = address.split_at(address.find('/').unwrap_or(address.len()));
        let mut connection = TcpStream::connect(host)?;
        connection.set_read_timeout(Some(QUIT))?;
        write!(connection, "DELETE {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        connection.read_to_end(&mut Vec::new()).map(drop)
    }

    async fn must(&self, path: &str, body: Value) -> Value {
        let answer = self.ask(Method::POST, path, body).await;
        answer.unwrap_or_else(|refused| panic!("{path}: {refused:?}"))
    }

    /// A command of the browser's own protocol.
    ///
    /// # Panics
    /// When it refuses it.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.must("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The driver answers once the browser has ended: until then that writes into its profile, which is to go.
        let _ = self.quit();
        // it may have ended by itself
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Where the driver listens: it says so once it does.
fn port(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines);
    let mut seen = Vec::new();
    for line in output.map_while(Result::ok) {
        let port = line.split_once(LISTENS).and_then(|(_, rest)| rest.trim_end_matches('.').parse().ok());
        if let Some(port) = port {
            return port;
        }
        seen.push(line);
    }
    panic!("chromedriver ended: {seen:?}")
}
