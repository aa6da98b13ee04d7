//! Connections: so many at a time and no more. One that asks nothing makes room for one that may, and one that takes its time
//! over a request's head is closed, so that neither keeps a health check or a webhook waiting.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Connections at a time. Systems let a program have a thousand files, and the database has some of them.
const MOST: usize = 512;
/// How long the head of a request may take, and how long a connection may do nothing between two.
const HEAD: Duration = Duration::from_secs(10);
/// How long to wait where the system has no more connections to give.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Serves until the process ends.
pub(super) async fn serve(listener: TcpListener, router: Router) {
    let room = Arc::new(Room::new(MOST));
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
        let service = TowerToHyperService::new(router.clone());
        let asked = Arc::clone(&place);
        let service = hyper::service::service_fn(move |request| {
            let (asked, answer) = (Arc::clone(&asked), service.call(request));
            async move {
                asked.is_busy();
                let answer = answer.await;
                asked.is_idle();
                answer.map_err(|never: Infallible| never)
            }
        });
        tokio::spawn(async move {
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD);
            tokio::select! {
                ended = http.serve_connection(TokioIo::new(stream), service) => {
                    if let Err(error) = ended {
                        debug!(%error, "a connection ended early");
                    }
                }
                () = place.gone.cancelled() => debug!("a connection that asked nothing made room"),
            }
        });
    }
}

/// Room for connections.
struct Room {
    free: Arc<Semaphore>,
    /// Those that ask nothing now, the longest first.
    idle: Arc<Mutex<BTreeMap<u64, CancellationToken>>>,
    next: Arc<AtomicU64>,
}

/// The place of one connection, until it is dropped.
struct Place {
    gone: CancellationToken,
    /// Its number while it asks nothing; 0 while it does.
    number: AtomicU64,
    idle: Arc<Mutex<BTreeMap<u64, CancellationToken>>>,
    next: Arc<AtomicU64>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    fn new(most: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(most)), idle: Arc::default(), next: Arc::new(AtomicU64::new(1)) }
    }

    /// A place: a free one, or that of the connection that has asked nothing for longest. Waits where all ask something.
    async fn enter(&self) -> Place {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => {
                let longest = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
                longest.inspect(|(_, gone)| gone.cancel());
                // it is never closed
                Arc::clone(&self.free).acquire_owned().await.ok()
            }
        };
        let place = Place {
            gone: CancellationToken::new(),
            number: AtomicU64::new(0),
            idle: Arc::clone(&self.idle),
            next: Arc::clone(&self.next),
            _permit: permit,
        };
        place.is_idle();
        place
    }
}

impl Place {
    fn is_idle(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.is_busy();
        self.number.store(number, Ordering::Relaxed);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).insert(number, self.gone.clone());
    }

    fn is_busy(&self) {
        let number = self.number.swap(0, Ordering::Relaxed);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.is_busy();
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(room.idle.lock().unwrap().len(), 2);
    }
}
