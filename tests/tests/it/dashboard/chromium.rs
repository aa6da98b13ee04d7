//! The dashboard in a real browser: what people do with a mouse, with a keyboard, by day, by night and on a phone.

mod connecting;
mod keyboard;
mod looks;
mod tenants;
mod walk;

use std::ops::Deref;

use crier_tests::chromium::Chromium;
use crier_tests::session::Session;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api;

/// A person at a browser.
struct Person {
    chromium: Chromium,
    url: String,
    workspace: Uuid,
}

impl Deref for Person {
    type Target = Chromium;

    fn deref(&self) -> &Chromium {
        &self.chromium
    }
}

impl Person {
    /// Signs a new member of a workspace in.
    async fn new(url: &str, sql: &Session, workspace: Uuid, role: &str) -> Self {
        let user = Uuid::new_v4();
        sql.text(&format!("SELECT crier.add_member('{workspace}', '{user}', '{role}')")).await;
        Self::of(url, workspace, user).await
    }

    /// Signs somebody in, in a browser that nobody has used.
    async fn of(url: &str, workspace: Uuid, user: Uuid) -> Self {
        // where browsers trust plain http: on other names they keep no `Secure` cookie
        let url = url.replace("127.0.0.1", "localhost");
        let person = Self { chromium: Chromium::start().await, url, workspace };
        person.sign_in(user).await;
        person
    }

    /// Pastes a token.
    async fn sign_in(&self, user: Uuid) {
        self.go(&format!("{}/dashboard/sign-in", self.url)).await;
        self.write("#token", &api::token(user)).await;
        self.click("button[type=submit]").await;
        // one workspace: there is nothing to choose
        self.is_at("").await;
    }

    fn path(&self, rest: &str) -> String {
        format!("{}/dashboard/w/{}{rest}", self.url, self.workspace)
    }

    async fn goes(&self, rest: &str) {
        self.go(&self.path(rest)).await;
        self.sees("#live").await;
    }

    /// Waits until a page is there, whatever was done before.
    async fn is_at(&self, rest: &str) {
        let wanted = self.path(rest);
        wait_for(&wanted, SOON, async || {
            let url = self.url().await;
            if url.split('?').next() == Some(&wanted) { Ok(()) } else { Err((url, self.text().await)) }
        })
        .await;
        self.sees("#live").await;
    }

    /// Sets a mark that goes when the page is loaded anew.
    async fn mark(&self) {
        self.run("window.stayed = true", &[]).await;
    }

    async fn has_stayed(&self) -> bool {
        self.run("return window.stayed === true", &[]).await == json!(true)
    }

    /// Waits until the page has looked by itself at what happened before it listened. What it shows after that it was told of.
    async fn looks_once(&self) {
        let looked = "return performance.getEntriesByType('resource').some(e => e.initiatorType === 'fetch' && e.name === location.href)";
        wait_until("the page's own look", json!(true), async || self.run(looked, &[]).await).await;
    }

    /// How many of these there are.
    async fn count(&self, css: &str) -> u64 {
        let found = self.run("return document.querySelectorAll(arguments[0]).length", &[json!(css)]).await;
        found.as_u64().unwrap_or_default()
    }

    /// No page has complained: of an error, or of something that its policy forbids.
    async fn is_content(&self) {
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

/// A button with this text.
fn button(text: &str) -> String {
    format!("//button[starts-with(normalize-space(.), '{text}') and not(@aria-hidden)]")
}

/// A link with this text.
fn link(text: &str) -> String {
    format!("//a[normalize-space(.) = '{text}']")
}

/// A text of a script's answer.
fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
