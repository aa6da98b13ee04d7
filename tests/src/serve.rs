//! A small HTTP server on loopback that may also give no answer at all, which no web framework offers.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// The most bytes of a request that are read.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// How long to leave a listener alone that gives an error.
const PAUSE: Duration = Duration::from_millis(10);

/// An answer; `None` closes the connection without one.
pub type Answer = Option<Response<Bytes>>;

/// Something that answers requests whose body has been read.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn answer(self: Arc<Self>, request: Request<Bytes>) -> BoxFuture<'static, Answer>;
}

/// A server on a thread of its own, so that a test that blocks its own thread can't stall it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `listen` and serves until dropped.
    pub fn start(listen: SocketAddr, handler: Arc<impl Handler>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread =
            std::thread::Builder::new().name(format!("serve-{}", address.port())).spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, handler) => {}
                        _ = stopped => {}
                    }
                });
                // every connection ends with the runtime
            })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// The address without a path: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, handler: Arc<impl Handler>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        // an error here belongs to the connection that just failed, or passes (too many open files); the pause
        // leaves the processor to those who close them
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        tokio::spawn(connection(stream, Arc::clone(&handler)));
    }
}

async fn connection(stream: TcpStream, handler: Arc<impl Handler>) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let handler = Arc::clone(&handler);
        async move {
            let request = match read(request).await {
                Ok(request) => request,
                Err(refusal) => return Ok(refusal.map(Full::new)),
            };
            // an error of the service makes hyper close the connection and send nothing
            handler.answer(request).await.map(|answer| answer.map(Full::new)).ok_or(NoAnswer)
        }
    });
    // an error here is our own dropped answer, or a client that went away
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

async fn read(request: Request<Incoming>) -> Result<Request<Bytes>, Response<Bytes>> {
    let (head, body) = request.into_parts();
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(Request::from_parts(head, body.to_bytes())),
        Err(_) => Err(plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large or was cut off\n")),
    }
}

/// An answer in plain text.
pub fn plain(status: StatusCode, text: &str) -> Response<Bytes> {
    with_type(status, "text/plain; charset=utf-8", Bytes::copy_from_slice(text.as_bytes()))
}

/// An answer in JSON.
pub fn json(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    with_type(status, "application/json; charset=utf-8", Bytes::from(body.to_string()))
}

/// An answer with a content type.
pub fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    answer
}

#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer, on purpose")
    }
}

impl std::error::Error for NoAnswer {}
