//! A proxy in front of a real server that loses requests and answers on purpose: what happens between a server's
//! commit and our knowledge of it can't be asked of the server itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use hyper::{Request, Response, StatusCode};

use crate::gate::Gate;
use crate::serve::{self, Answer, Handler, Server};

/// What the proxy does to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interference {
    /// Forwards the call and holds its answer until a release.
    HoldAnswer,
    /// Forwards the call and closes the connection instead of answering.
    DropAnswer,
    /// Closes the connection; the server never sees the call.
    DropRequest,
}

/// The proxy, on a thread of its own until dropped.
#[derive(Debug)]
pub struct HoldProxy {
    proxy: Arc<Proxy>,
    server: Server,
}

#[derive(Debug)]
struct Proxy {
    target: String,
    client: reqwest::Client,
    plans: Mutex<Vec<Plan>>,
    calls: Mutex<Vec<String>>,
    gate: Gate,
}

#[derive(Debug)]
struct Plan {
    path: String,
    /// How many calls still pass before it happens.
    pass: usize,
    interference: Interference,
}

impl HoldProxy {
    /// Starts a proxy for the server at `target` on a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    pub fn start(target: &str) -> Self {
        let proxy = Arc::new(Proxy {
            target: target.trim_end_matches('/').to_owned(),
            client: crate::http::client(),
            plans: Mutex::default(),
            calls: Mutex::default(),
            gate: Gate::default(),
        });
        let server = Server::start(SocketAddr::from(([127, 0, 0, 1], 0)), Arc::clone(&proxy))
            .unwrap_or_else(|error| panic!("can't start the proxy: {error}"));
        Self { proxy, server }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Interferes with call number `nth` from now (the first is 1) whose path contains `path`.
    pub fn plan(&self, path: &str, nth: usize, interference: Interference) {
        let plan = Plan { path: path.to_owned(), pass: nth.saturating_sub(1), interference };
        self.proxy.plans.lock().unwrap_or_else(PoisonError::into_inner).push(plan);
    }

    /// Lets held answers go.
    pub fn release(&self) {
        self.proxy.gate.release();
    }

    /// How many answers are held now.
    pub fn held(&self) -> usize {
        self.proxy.gate.held()
    }

    /// How many calls have arrived whose path contains `path`.
    pub fn calls(&self, path: &str) -> usize {
        let calls = self.proxy.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|call| call.contains(path)).count()
    }
}

impl Handler for Proxy {
    fn answer(self: Arc<Self>, request: Request<Bytes>) -> BoxFuture<'static, Answer> {
        async move {
            let path = request.uri().path().to_owned();
            self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
            let interference = self.interference(&path);
            if interference == Some(Interference::DropRequest) {
                return None;
            }
            let answer = match self.forward(request).await {
                Ok(answer) => answer,
                Err(error) => serve::plain(StatusCode::BAD_GATEWAY, &format!("{error}\n")),
            };
            match interference {
                Some(Interference::HoldAnswer) => {
                    self.gate.hold().await;
                    Some(answer)
                }
                Some(Interference::DropAnswer | Interference::DropRequest) => None,
                None => Some(answer),
            }
        }
        .boxed()
    }
}

impl Proxy {
    fn interference(&self, path: &str) -> Option<Interference> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let at = plans.iter().position(|plan| path.contains(&plan.path))?;
        if plans[at].pass > 0 {
            plans[at].pass -= 1;
            return None;
        }
        Some(plans.remove(at).interference)
    }

    async fn forward(&self, request: Request<Bytes>) -> reqwest::Result<Response<Bytes>> {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = head.headers;
        hop_by_hop(&mut headers);
        let call = self.client.request(head.method, format!("{}{path}", self.target));
        let answer = call.headers(headers).body(body).send().await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        hop_by_hop(&mut headers);
        let mut response = Response::new(answer.bytes().await?);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// Takes away what belongs to one connection, and lets lengths be counted anew.
fn hop_by_hop(headers: &mut HeaderMap) {
    for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    debug_assert!(!headers.contains_key(CONTENT_ENCODING), "the proxy's client asks for no compression");
}
