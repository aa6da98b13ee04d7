//! The dashboard as people meet it: a browser's requests to a real sidecar.

mod accounts;
mod acts;
mod chromium;
mod forgery;
mod forms;
mod live;
mod publishing;
mod session;
mod tenants;

use std::ops::Deref;

use crier_tests::cluster::Database;
use crier_tests::crierd::{Crierd, Deployment};
use crier_tests::session::Session;
use crier_tests::wait::{SOON, wait_for};
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Url};
use uuid::Uuid;

use crate::api;
use crate::tenancy::app_role;

/// Serves the dashboard for the posts of a deployment.
async fn serve(database: &Database, sql: &Session, deployment: &Deployment) -> (Crierd, String) {
    serve_with(database, sql, deployment, &[]).await
}

async fn serve_with(
    database: &Database,
    sql: &Session,
    deployment: &Deployment,
    more: &[(&str, &str)],
) -> (Crierd, String) {
    let role = app_role(sql).await;
    let mut settings = vec![("CRIER_API_DASHBOARD", "true")];
    settings.extend(more);
    let crierd = api::start(deployment, &database.url(&role), &settings).await;
    let url = crierd.api_url();
    (crierd, url)
}

/// A page, or what there is instead.
#[derive(Debug)]
struct Shown {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Shown {
    fn header(&self, name: impl reqwest::header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn has(&self, part: &str) -> &Self {
        assert!(self.text.contains(part), "expected {part:?} in {self:?}");
        self
    }

    fn has_not(&self, part: &str) -> &Self {
        assert!(!self.text.contains(part), "expected no {part:?} in {self:?}");
        self
    }

    fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The value of a hidden field.
    fn field(&self, name: &str) -> String {
        let begin = format!("name=\"{name}\" value=\"");
        let rest = self.text.split_once(&begin).map(|(_, rest)| rest);
        let value = rest.and_then(|rest| rest.split('"').next());
        value.unwrap_or_else(|| panic!("no field {name} in {self:?}")).to_owned()
    }
}

/// A browser with somebody at it.
struct Browser {
    client: reqwest::Client,
    url: String,
    /// The cookies it sends.
    cookie: Option<String>,
}

impl Browser {
    fn new(url: &str) -> Self {
        let client = crier_tests::http::builder().redirect(Policy::none()).build().expect("a client");
        Self { client, url: url.to_owned(), cookie: None }
    }

    /// One in which a user is signed in by the form.
    async fn of(url: &str, user: Uuid) -> Self {
        let mut browser = Self::new(url);
        browser.sign_in(&api::token(user)).await.is(200);
        browser
    }

    async fn sign_in(&mut self, token: &str) -> Shown {
        let shown = self.send(self.form("/dashboard/sign-in", &[("token", token)])).await;
        let set = shown.header(SET_COOKIE).split(';').next().unwrap_or_default();
        self.cookie = Some(set.to_owned()).filter(|set| !set.is_empty());
        shown
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        }
    }

    fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        // a form is written as a query is
        let encoded = Url::parse_with_params("http://localhost", fields).expect("fields");
        let body = encoded.query().unwrap_or_default().to_owned();
        self.request(Method::POST, path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(body)
    }

    async fn send(&self, request: RequestBuilder) -> Shown {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Shown { status, headers, text: answer.text().await.expect("a text") }
    }

    async fn get(&self, path: &str) -> Shown {
        self.send(self.request(Method::GET, path)).await
    }

    /// What every form of the session carries.
    async fn form_token(&self) -> String {
        let pages = self.get("/dashboard").await;
        match pages.status {
            303 => self.get(pages.header(LOCATION)).await.field("csrf"),
            _ => pages.field("csrf"),
        }
    }

    /// Sends a form as a page of the session has it.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let token = self.form_token().await;
        let mut all = vec![("csrf", token.as_str())];
        all.extend(fields);
        self.send(self.form(path, &all)).await
    }
}

/// A member at a browser.
struct Member {
    browser: Browser,
    workspace: Uuid,
}

impl Deref for Member {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Member {
    /// A new member of a workspace.
    async fn new(url: &str, sql: &Session, workspace: Uuid, role: &str) -> Self {
        let user = Uuid::new_v4();
        sql.text(&format!("SELECT crier.add_member('{workspace}', '{user}', '{role}')")).await;
        Self { browser: Browser::of(url, user).await, workspace }
    }

    fn path(&self, rest: &str) -> String {
        format!("/dashboard/w/{}{rest}", self.workspace)
    }

    async fn page(&self, rest: &str) -> Shown {
        self.get(&self.path(rest)).await
    }

    async fn act(&self, act: &str, fields: &[(&str, &str)]) -> Shown {
        self.post(&self.path(&format!("/do/{act}")), fields).await
    }

    /// Looks at a page until it has a part.
    async fn sees(&self, rest: &str, part: &str) -> Shown {
        wait_for(&format!("{rest:?} to show {part:?}"), SOON, async || {
            let shown = self.page(rest).await;
            if shown.text.contains(part) { Ok(shown) } else { Err(shown) }
        })
        .await
    }
}
