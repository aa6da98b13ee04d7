//! A collector of traces: takes OTLP as JSON and keeps the spans, or takes connections and never answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending};
use hyper::{Request, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::serve::{Answer, Handler, Server, json, plain};

/// A span that came.
#[derive(Clone, Debug)]
pub struct Span {
    /// The trace it belongs to.
    pub trace: Uuid,
    /// Its own id.
    pub id: String,
    /// The span it is within, if any.
    pub parent: Option<String>,
    /// Its name.
    pub name: String,
    /// Whether it failed.
    pub failed: bool,
    /// When it began and ended, in nanoseconds.
    pub times: (u64, u64),
    /// Its attributes.
    pub attributes: Vec<(String, Value)>,
}

impl Span {
    /// An attribute, null where there is none.
    pub fn attribute(&self, name: &str) -> Value {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// A span as it stands in a request.
    fn read(span: &Value) -> Self {
        let text = |name: &str| span[name].as_str().map(str::to_owned);
        let time = |name: &str| text(name).and_then(|time| time.parse().ok());
        let read = || {
            let attributes = span["attributes"].as_array()?.iter().map(|attribute| {
                let (_, value) = attribute["value"].as_object()?.iter().next()?;
                Some((attribute["key"].as_str()?.to_owned(), value.clone()))
            });
            Some(Self {
                trace: text("traceId")?.parse().ok()?,
                id: text("spanId").filter(|id| id.len() == 16)?,
                parent: text("parentSpanId"),
                name: text("name")?,
                failed: span["status"]["code"] == 2,
                times: (time("startTimeUnixNano")?, time("endTimeUnixNano")?),
                attributes: attributes.collect::<Option<_>>()?,
            })
        };
        read().unwrap_or_else(|| panic!("this is no span: {span}"))
    }
}

#[derive(Debug, Default)]
struct World {
    /// Heads and bodies, to the byte.
    received: Mutex<Vec<(String, Bytes)>>,
    hangs: bool,
}

/// The collector, served until dropped.
#[derive(Debug)]
pub struct Collector {
    world: Arc<World>,
    server: Server,
}

impl Collector {
    /// Starts one that takes everything.
    pub fn start() -> Self {
        Self::serve(World::default())
    }

    /// Starts one that reads and never answers.
    pub fn hanging() -> Self {
        Self::serve(World { hangs: true, ..World::default() })
    }

    fn serve(world: World) -> Self {
        let world = Arc::new(world);
        let server = Server::start(([127, 0, 0, 1], 0).into(), Arc::clone(&world))
            .unwrap_or_else(|error| panic!("can't start the collector: {error}"));
        Self { world, server }
    }

    /// Its base address.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        locked(&self.world.received).len()
    }

    /// Everything that came, as text.
    pub fn text(&self) -> String {
        let received = locked(&self.world.received);
        received.iter().map(|(head, body)| format!("{head}\n{}\n", String::from_utf8_lossy(body))).collect()
    }

    /// The spans that came, in order.
    ///
    /// # Panics
    /// When something came that is none.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for (_, body) in locked(&self.world.received).iter() {
            let body: Value =
                serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {body:?}"));
            let inside = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
            for scope in inside(&body, "resourceSpans").iter().flat_map(|of| inside(of, "scopeSpans")) {
                spans.extend(inside(&scope, "spans").iter().map(Span::read));
            }
        }
        spans
    }
}

impl Handler for World {
    fn answer(self: Arc<Self>, request: Request<Bytes>) -> BoxFuture<'static, Answer> {
        let (head, body) = request.into_parts();
        let is_known = head.method == "POST"
            && head.uri.path() == "/v1/traces"
            && head.headers.get("content-type").is_some_and(|kind| kind == "application/json");
        locked(&self.received).push((format!("{head:?}"), body));
        if self.hangs {
            return pending().boxed();
        }
        let answer = if is_known {
            json(StatusCode::OK, &serde_json::json!({}))
        } else {
            plain(StatusCode::NOT_FOUND, "a collector takes POST /v1/traces with application/json\n")
        };
        async move { Some(answer) }.boxed()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
