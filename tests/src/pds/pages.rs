//! What a person does on the server's own pages: signs in and consents, as the page's script does it.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HeaderMap, ORIGIN, REFERER, SET_COOKIE};
use reqwest::{RequestBuilder, Url};
use serde_json::{Value, json};

use super::{Pds, PdsAccount};

const API: &str = "/@atproto/oauth-provider/~api";

/// Where the person is sent in the end, and with what.
#[derive(Debug)]
pub struct SentBack {
    /// The address of whoever asked for the login.
    pub to: Url,
    /// `code`, `state` and `iss`, or `error`.
    pub with: BTreeMap<String, String>,
    /// What the server's pages have left in the browser.
    pub cookies: BTreeMap<String, String>,
}

/// A browser on one page.
struct Browser<'a> {
    pds: &'a Pds,
    page: &'a str,
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

impl Pds {
    /// Signs in on the page of a login and consents to it.
    pub async fn log_in(&self, page: &str, account: &PdsAccount) -> SentBack {
        let mut browser = self.open(page).await;
        let credentials = json!({"locale": "en", "username": account.handle, "password": account.password, "remember": true});
        browser.post("/sign-in", &credentials).await;
        let answer = browser.post("/consent", &json!({"sub": account.did})).await;
        sent_back(&answer, browser.cookies)
    }

    /// Whether a login asks a person who is signed in in this browser already, instead of sending them on at once.
    pub async fn asks(&self, page: &str, signed_in: &SentBack) -> bool {
        let cookies = signed_in.cookies.clone();
        let browser = Browser { pds: self, page, client: crate::http::client(), cookies };
        let request = browser.request(
            browser.client.get(page).header("sec-fetch-dest", "document"),
            "navigate",
            "none",
        );
        let answer = request.send().await.expect("an answer of the page");
        let (status, text) = (answer.status(), answer.text().await.expect("a text"));
        assert!(status.is_success() || status.is_redirection(), "the page answered {status}: {text}");
        status.is_success()
    }

    /// Declines a login.
    pub async fn decline(&self, page: &str) -> SentBack {
        let mut browser = self.open(page).await;
        let answer = browser.post("/reject", &json!({})).await;
        sent_back(&answer, browser.cookies)
    }

    async fn open<'a>(&'a self, page: &'a str) -> Browser<'a> {
        let mut browser =
            Browser { pds: self, page, client: crate::http::client(), cookies: BTreeMap::new() };
        let request = browser.client.get(page).header("sec-fetch-dest", "document");
        let text = browser.send(request, "navigate", "none").await;
        assert!(text.contains("request_uri") || text.contains("__"), "no page to log in on: {text}");
        browser
    }
}

impl Browser<'_> {
    async fn post(&mut self, call: &str, body: &Value) -> Value {
        let name = self.pds.name();
        let token = self.cookies.get("csrf-token").cloned().unwrap_or_default();
        let request = self.client.post(format!("{name}{API}{call}")).json(body);
        let request = request.header(ORIGIN, &name).header(REFERER, self.page).header("x-csrf-token", token);
        let text = self.send(request, "same-origin", "same-origin").await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{call}: {error}: {text}"))
    }

    async fn send(&mut self, request: RequestBuilder, mode: &str, site: &str) -> String {
        let answer = self.request(request, mode, site).send().await.expect("an answer of the page");
        self.keep(answer.headers());
        let (status, text) = (answer.status(), answer.text().await.expect("a text"));
        assert!(status.is_success(), "the page answered {status}: {text}");
        text
    }

    fn request(&self, request: RequestBuilder, mode: &str, site: &str) -> RequestBuilder {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("sec-fetch-mode", mode).header("sec-fetch-site", site);
        request.header(COOKIE, cookies.join("; "))
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let (name, value) =
                cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// The page sends the person on by an address of its own, which names the last one.
fn sent_back(answer: &Value, cookies: BTreeMap<String, String>) -> SentBack {
    let url = answer["url"].as_str().unwrap_or_else(|| panic!("nobody is sent back: {answer}"));
    let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    let mut with: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let to = with.remove("redirect_uri").expect("an address to go to");
    with.remove("redirect_mode");
    SentBack { to: Url::parse(&to).unwrap_or_else(|error| panic!("{to}: {error}")), with, cookies }
}
