//! Connections: so many at a time and no more. One that asks nothing makes room for one that may, and so does one whose request
//! is not whole yet; one that takes its time over a request's head is closed. So neither keeps a health check or a webhook
//! waiting.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// Connections at a time. Systems let a program have a thousand files, and the database has some of them.
const MOST: usize = 512;
/// How long the head of a request may take, and how long a connection may do nothing between two.
const HEAD: Duration = Duration::from_secs(10);
/// How many bytes of a request are read ahead, its head above all.
const MAX_BUFFER: usize = 64 * 1024;
/// How long to wait where the system has no more connections to give.
const EXHAUSTED: Duration = Duration::from_millis(100);
/// How long answers may take on their way when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The connections that are served.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    tasks: TaskTracker,
    ending: CancellationToken,
}

impl Connections {
    /// Serves until the process ends.
    pub(super) async fn serve(self, listener: TcpListener, router: Router) {
        self.serve_most(listener, router, MOST).await;
    }

    /// The same for so many connections at a time.
    pub(super) async fn serve_most(self, listener: TcpListener, router: Router, most: usize) {
        let room = Room::new(most);
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "a connection can't be accepted");
                    tokio::time::sleep(EXHAUSTED).await;
                    continue;
                }
            };
            let place = Arc::new(room.enter().await);
            self.tasks.spawn(attend(stream, router.clone(), place, self.ending.clone()));
        }
    }

    /// Lets what is being answered go out.
    pub(crate) async fn finish(&self) {
        self.ending.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(LAST_WORDS, self.tasks.wait()).await;
    }
}

/// Serves one connection.
async fn attend(stream: TcpStream, router: Router, place: Arc<Place>, ending: CancellationToken) {
    let service = TowerToHyperService::new(router);
    let asked = Arc::clone(&place);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let asked = Arc::clone(&asked);
        let answer = service.call(request.map(|body| Watched::new(body, Arc::clone(&asked))));
        async move {
            let answer = answer.await;
            asked.is_idle();
            answer.map_err(|never: Infallible| never)
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MAX_BUFFER);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = place.gone.cancelled() => return debug!("a connection that asked nothing made room"),
        () = ending.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended early");
    }
}

/// A request's body. Whoever has sent it whole asks something; until then the connection makes room like one that doesn't.
struct Watched {
    body: Incoming,
    place: Arc<Place>,
}

impl Watched {
    fn new(body: Incoming, place: Arc<Place>) -> Self {
        if body.is_end_stream() {
            place.is_busy();
        }
        Self { body, place }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.place.is_busy();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Room for connections.
struct Room {
    free: Arc<Semaphore>,
    idle: Arc<Idle>,
}

/// Those that ask nothing now.
#[derive(Default)]
struct Idle {
    /// By how long, the longest first.
    places: Mutex<BTreeMap<u64, CancellationToken>>,
    next: AtomicU64,
    /// One more does.
    more: Notify,
}

/// The place of one connection, until it is dropped.
struct Place {
    gone: CancellationToken,
    /// Its number while it asks nothing; 0 while it does.
    number: AtomicU64,
    idle: Arc<Idle>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    fn new(most: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(most)), idle: Arc::default() }
    }

    /// A place: a free one, or that of the connection that has asked nothing for longest. Where all ask something, whichever
    /// comes first.
    async fn enter(&self) -> Place {
        let free = || Arc::clone(&self.free);
        // it is never closed
        let permit = loop {
            if let Ok(permit) = free().try_acquire_owned() {
                break Some(permit);
            }
            if let Some(longest) = self.idle.pop() {
                longest.cancel();
                break free().acquire_owned().await.ok();
            }
            tokio::select! {
                permit = free().acquire_owned() => break permit.ok(),
                // before anybody waited, too: then it is looked once more
                () = self.idle.more.notified() => {}
            }
        };
        let place = Place {
            gone: CancellationToken::new(),
            number: AtomicU64::new(0),
            idle: Arc::clone(&self.idle),
            _permit: permit,
        };
        place.is_idle();
        place
    }
}

impl Idle {
    fn pop(&self) -> Option<CancellationToken> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).pop_first().map(|(_, gone)| gone)
    }
}

impl Place {
    fn is_idle(&self) {
        let number = self.idle.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.is_busy();
        self.number.store(number, Ordering::Relaxed);
        let mut places = self.idle.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert(number, self.gone.clone());
        self.idle.more.notify_one();
    }

    fn is_busy(&self) {
        let number = self.number.swap(0, Ordering::Relaxed);
        self.idle.places.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.is_busy();
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_asks_nothing_for_longest_makes_room() {
        let room = Room::new(3);
        let places = [room.enter().await, room.enter().await, room.enter().await];
        places[0].is_busy();
        let full = timeout(Duration::from_secs(1), room.enter()).await;
        assert!(full.is_err(), "expected no more than three places");
        let gone = places.each_ref().map(|place| place.gone.is_cancelled());
        assert_eq!(gone, [false, true, false]);
        let [busy, idle, _] = places;
        drop(idle);
        let _newest = timeout(Duration::from_secs(1), room.enter()).await.expect("a place");
        assert!(!busy.gone.is_cancelled());
        // a place that is given up is not evicted in the place of another
        assert_eq!(room.idle.places.lock().unwrap().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_asked_makes_room_for_whoever_waits() {
        let room = Room::new(1);
        let place = room.enter().await;
        place.is_busy();
        let waits = async {
            let room = pin!(room.enter());
            timeout(Duration::from_secs(60), room).await.expect("a place")
        };
        let asks = async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(!place.gone.is_cancelled());
            place.is_idle();
            place.gone.cancelled().await;
        };
        tokio::join!(waits, asks);
    }

    async fn served(router: Router) -> (Connections, std::net::SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (connections, address) = (Connections::default(), listener.local_addr().unwrap());
        tokio::spawn(connections.clone().serve(listener, router));
        (connections, address)
    }

    async fn ask(address: std::net::SocketAddr, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn answer(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn bodies_that_never_come_keep_nobody_waiting() {
        let most = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
        // it waits for the body without a limit of its own
        let router = Router::new()
            .route("/oauth/choose", post(|body: axum::body::Bytes| async move { body.len().to_string() }))
            .route("/healthz", get(|| async { "ok" }));
        let (_connections, address) = served(router).await;
        let mut silent = Vec::new();
        for _ in 0..MOST + 100 {
            let head = "POST /oauth/choose HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n";
            silent.push(ask(address, head).await);
        }
        let health = timeout(Duration::from_secs(60), async { answer(ask(address, HEALTH).await).await });
        assert!(health.await.expect("an answer").ends_with("ok"));
        let whole =
            "POST /oauth/choose HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc";
        let form = timeout(Duration::from_secs(60), async { answer(ask(address, whole).await).await });
        assert!(form.await.expect("an answer").ends_with('3'));
    }

    #[tokio::test]
    async fn what_is_asked_is_answered_before_the_end() {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (Arc::clone(&begun), Arc::clone(&go_on));
        let router = Router::new().route(
            "/healthz",
            get(|| async move {
                tell.notify_one();
                wait.notified().await;
                "ok"
            }),
        );
        let (connections, address) = served(router).await;
        let keeps = HEALTH.replace("connection: close\r\n", "");
        let asked = ask(address, &keeps).await;
        begun.notified().await;
        let ends = tokio::spawn(async move { connections.finish().await });
        go_on.notify_one();
        // it would stay open for another request
        assert!(answer(asked).await.ends_with("ok"));
        ends.await.unwrap();
    }

    #[tokio::test]
    async fn a_head_has_a_size() {
        let (_connections, address) = served(Router::new().route("/healthz", get(|| async { "ok" }))).await;
        let long = HEALTH.replace("host: a", &format!("host: a\r\nx: {}", "x".repeat(4 * MAX_BUFFER)));
        // the connection may end while the rest is on its way
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (_, mut answer) = (stream.write_all(long.as_bytes()).await, Vec::new());
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.ends_with("ok"), "{answer}");
    }
}
