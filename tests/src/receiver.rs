//! A receiver of alerts: keeps what it gets, answers as a test has planned.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::header::{HeaderValue, LOCATION};
use hyper::{HeaderMap, Request, StatusCode};
use serde_json::Value;

use crate::serve::{Answer, Handler, Server, plain};

/// What came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The path and query it was posted to.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, to the byte.
    pub body: Bytes,
}

impl Received {
    /// A header as text, empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The `type` of the alert.
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }
}

/// How a call is answered.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// With this status.
    Status(u16),
    /// With a redirect to the path `/elsewhere` of this server.
    Redirect,
    /// With a success and more of a body than anybody wants.
    Flood,
    /// Not at all: the connection is closed.
    Nothing,
}

#[derive(Debug, Default)]
struct World {
    received: Mutex<Vec<Received>>,
    planned: Mutex<VecDeque<Reply>>,
}

/// The receiver, served until dropped.
#[derive(Debug)]
pub struct Receiver {
    world: Arc<World>,
    server: Server,
}

impl Receiver {
    /// Starts one that answers 204.
    ///
    /// # Panics
    /// When it can't listen.
    pub fn start() -> Self {
        let world = Arc::new(World::default());
        let server = Server::start(([127, 0, 0, 1], 0).into(), Arc::clone(&world))
            .unwrap_or_else(|error| panic!("can't start the receiver: {error}"));
        Self { world, server }
    }

    /// Where alerts are posted to.
    pub fn url(&self) -> String {
        format!("{}/alerts?key=of-the-receiver", self.server.url())
    }

    /// The next calls are answered so, one after the other.
    pub fn plan(&self, replies: &[Reply]) {
        locked(&self.world.planned).extend(replies);
    }

    /// Everything that came, in order.
    pub fn received(&self) -> Vec<Received> {
        locked(&self.world.received).clone()
    }

    /// The types of everything that came, in order, with a blank between them.
    pub fn kinds(&self) -> String {
        self.received().iter().map(Received::kind).collect::<Vec<_>>().join(" ")
    }
}

impl Handler for World {
    fn answer(self: Arc<Self>, request: Request<Bytes>) -> BoxFuture<'static, Answer> {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        locked(&self.received).push(Received { path, headers: head.headers, body });
        let reply = locked(&self.planned).pop_front().unwrap_or(Reply::Status(204));
        let status = |status| StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let answer = match reply {
            Reply::Status(code) => Some(plain(status(code), "what a receiver says, which nobody reads\n")),
            Reply::Redirect => {
                let mut answer = plain(StatusCode::TEMPORARY_REDIRECT, "");
                answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/elsewhere"));
                Some(answer)
            }
            Reply::Flood => Some(plain(StatusCode::OK, &"x".repeat(8 * 1024 * 1024))),
            Reply::Nothing => None,
        };
        async move { answer }.boxed()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
