//! The page that a browser shows: where it is, what runs in it, what it looks like, and what went wrong in it.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::Chromium;

/// What a page does not get rid of by being left: it stays with the window.
const WATCH: &str = "addEventListener('securitypolicyviolation', (event) => \
     console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`)); \
     addEventListener('unhandledrejection', (event) => console.error(`not caught: ${event.reason}`));";

/// What a person holds in their hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// The same.
    pub height: u32,
    /// Whether it is a phone.
    pub phone: bool,
}

/// A phone of the usual size.
pub const PHONE: Screen = Screen { width: 390, height: 844, phone: true };
/// A computer.
pub const COMPUTER: Screen = Screen { width: 1280, height: 800, phone: false };

impl Chromium {
    /// Goes to an address.
    ///
    /// # Panics
    /// When there is no page.
    pub async fn go(&self, url: &str) {
        self.must("/url", json!({ "url": url })).await;
    }

    /// The address of the page; why there is none between two pages.
    pub async fn url(&self) -> String {
        match self.ask(Method::GET, "/url", Value::Null).await {
            Ok(url) => url.as_str().unwrap_or_default().to_owned(),
            Err(refused) => format!("{refused:?}"),
        }
    }

    /// What a script gives, the body of a function. What it gives later is waited for.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.must("/execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// The text that a person sees.
    pub async fn text(&self) -> String {
        let text = self.ask(
            Method::POST,
            "/execute/sync",
            json!({ "script": "return document.body.innerText", "args": [] }),
        );
        // between two pages there is none
        text.await.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Looks at pages as on a screen of this size, by day or by night.
    pub async fn look(&self, screen: Screen, dark: bool) {
        let Screen { width, height, phone } = screen;
        let scale = if phone { 2 } else { 1 };
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Keeps what the whole page looks like.
    ///
    /// # Panics
    /// When it can't be written.
    pub async fn picture(&self, file: &Path) {
        let taken = self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        let bytes = STANDARD.decode(taken["data"].as_str().unwrap_or_default());
        let bytes = bytes.unwrap_or_else(|error| panic!("no picture: {error}"));
        let made = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(file, bytes));
        made.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }

    /// What the pages have complained of since this was asked last: errors, and what their policy forbids.
    ///
    /// # Panics
    /// When there is no window.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.must("/se/log", json!({ "type": "browser" })).await;
        let entries = entries.as_array().cloned().unwrap_or_default();
        let bad = entries
            .iter()
            .filter(|entry| ["SEVERE", "WARNING"].contains(&entry["level"].as_str().unwrap_or_default()));
        bad.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub(super) async fn watch(&self) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
    }
}
