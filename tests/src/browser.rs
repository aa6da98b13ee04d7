//! A browser as far as logins need one: it keeps cookies by host, follows redirects one by one, and sends forms.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, Url};

use crate::http;

/// No login has more redirects.
const MOST: usize = 30;

/// A browser with its cookies.
#[derive(Debug)]
pub struct Browser {
    client: reqwest::Client,
    /// By host and name.
    cookies: Mutex<HashMap<(String, String), String>>,
    visited: Mutex<Vec<String>>,
}

/// What it shows.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is; for an application, where it would be.
    pub url: Url,
    /// The status of the answer; 0 where nobody was asked.
    pub status: u16,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The text.
    pub text: String,
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl Browser {
    /// One without cookies.
    pub fn new() -> Self {
        let client = http::builder().redirect(reqwest::redirect::Policy::none()).build();
        let client = client.unwrap_or_else(|error| panic!("no client: {error}"));
        Self { client, cookies: Mutex::default(), visited: Mutex::default() }
    }

    /// Goes to an address and on, wherever it is sent, until there is a page or the address begins with `application`.
    pub async fn go(&self, url: &str, application: &str) -> Page {
        self.walk(Method::GET, url, None, application).await
    }

    /// Sends a form and goes on.
    pub async fn submit(&self, url: &str, form: &[(&str, &str)], application: &str) -> Page {
        self.walk(Method::POST, url, Some(form), application).await
    }

    /// One step, without going on.
    pub async fn step(&self, method: Method, url: &str, form: Option<&[(&str, &str)]>) -> Page {
        let url: Url = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
        self.visited.lock().unwrap_or_else(PoisonError::into_inner).push(url.to_string());
        let mut request = self.client.request(method, url.clone()).header(COOKIE, self.cookies_for(&url));
        if let Some(form) = form {
            let body = serde_form(form);
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        self.keep(&url, &headers);
        let text = answer.text().await.unwrap_or_default();
        Page { url, status, headers, text }
    }

    /// Every address it went to, oldest first.
    pub fn visited(&self) -> Vec<String> {
        self.visited.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The values of all its cookies.
    pub fn cookies(&self) -> Vec<String> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    async fn walk(
        &self,
        method: Method,
        url: &str,
        form: Option<&[(&str, &str)]>,
        application: &str,
    ) -> Page {
        let mut page = self.step(method, url, form).await;
        for _ in 0..MOST {
            let Some(next) = page.next() else { return page };
            if next.as_str().starts_with(application) {
                return Page { url: next, status: 0, headers: HeaderMap::new(), text: String::new() };
            }
            page = self.step(Method::GET, next.as_str(), None).await;
        }
        panic!("more than {MOST} redirects: {:?}", self.visited())
    }

    fn cookies_for(&self, url: &Url) -> String {
        let host = host(url);
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let own = cookies.iter().filter(|((of, _), _)| *of == host);
        own.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&self, url: &Url, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                cookies.insert((host(url), name.trim().to_owned()), value.trim().to_owned());
            }
        }
    }
}

impl Page {
    /// A parameter of its address.
    pub fn param(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
    }

    /// The value of an attribute that follows a text in the page.
    pub fn after(&self, text: &str) -> Option<String> {
        let rest = self.text.split_once(text)?.1;
        rest.split('"').next().map(str::to_owned)
    }

    /// The values of an attribute that follow each place of a text.
    pub fn all_after(&self, text: &str) -> Vec<String> {
        self.text.split(text).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    }

    fn next(&self) -> Option<Url> {
        let to = self.headers.get(LOCATION)?.to_str().ok()?;
        (300..400).contains(&self.status).then(|| self.url.join(to).ok())?
    }
}

/// Ports make no difference to cookies, and they make none here.
fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn serde_form(form: &[(&str, &str)]) -> String {
    let mut url: Url = "http://form/".parse().unwrap_or_else(|error| panic!("{error}"));
    url.query_pairs_mut().extend_pairs(form);
    url.query().unwrap_or_default().to_owned()
}
