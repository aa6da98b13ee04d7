//! For tests of providers: a server that answers from a script and writes down what it was asked. How the answers are told, and how
//! a request is written down, differs with the golden files that were recorded: `script`, `told`, `scripted` and `fake_server`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;

use super::{Account, Caller};
use crate::secrets::Session;

/// The most bytes of a body that are read.
const MAX_BODY: usize = 64 << 20;

/// A request.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: Uri,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// An answer. `SERVER` in a header or a text is the server's own address.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Answered {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    fn response(self, here: &str) -> Response {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value.replace("SERVER", here));
        }
        let body = match String::from_utf8(self.body) {
            Ok(text) => text.replace("SERVER", here).into_bytes(),
            Err(odd) => odd.into_bytes(),
        };
        response.body(Body::from(body)).unwrap()
    }
}

/// A running server. It ends with the test.
pub(super) struct Served<N> {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<N>>>,
    left: Arc<Mutex<VecDeque<Answered>>>,
}

impl<N: Clone + Send + 'static> Served<N> {
    /// Gives these answers in their order and fails after the last one. `note`: how a request is written down, by the server at this
    /// address.
    pub(super) async fn telling(
        answers: impl IntoIterator<Item = Answered>,
        note: impl Fn(&Asked, &str) -> N + Clone + Send + Sync + 'static,
    ) -> Self {
        let left: Arc<Mutex<VecDeque<_>>> = Arc::new(Mutex::new(answers.into_iter().collect()));
        let taken = Arc::clone(&left);
        let next = move || taken.lock().unwrap().pop_front().unwrap_or_else(|| Answered::new(500, ""));
        Self::start(left, next, note).await
    }

    /// The same answer always.
    pub(super) async fn always(
        answer: Answered,
        note: impl Fn(&Asked, &str) -> N + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::start(Arc::default(), move || answer.clone(), note).await
    }

    async fn start(
        left: Arc<Mutex<VecDeque<Answered>>>,
        next: impl Fn() -> Answered + Clone + Send + Sync + 'static,
        note: impl Fn(&Asked, &str) -> N + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (noted, here) = (Arc::clone(&seen), url.clone());
        let answer = move |request: Request| async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, MAX_BODY).await.unwrap();
            let asked = Asked { method: head.method, uri: head.uri, headers: head.headers, body };
            noted.lock().unwrap().push(note(&asked, &here));
            next().response(&here)
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, seen, left }
    }

    /// What was asked.
    pub(super) fn seen(&self) -> Vec<N> {
        self.seen.lock().unwrap().clone()
    }

    /// How many answers were not asked for.
    pub(super) fn left(&self) -> usize {
        self.left.lock().unwrap().len()
    }
}

/// An account on a server that can act.
pub(super) fn caller(
    (external_id, handle): (&str, &str),
    url: &str,
    (access, refresh): (&str, &str),
) -> Caller {
    let account = Account {
        id: uuid::Uuid::nil(),
        external_id: external_id.into(),
        handle: handle.into(),
        base_url: url.into(),
        charges: Default::default(),
    };
    Caller { account, session: Session::new(access.into(), refresh.into()) }
}
