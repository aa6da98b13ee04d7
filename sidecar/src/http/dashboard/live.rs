//! Tells pages that something happened in their workspace; they then fetch themselves anew. One look at the newest events for the
//! whole process, however many pages are open, and none where none is.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;
use uuid::Uuid;

use super::Dashboard;
use super::access::Asked;
use super::stop::Stop;
use crate::backoff::Backoff;
use crate::db::Db;

/// Streams at a time. Each is a connection.
const MOST: usize = 200;
const EVERY: Duration = Duration::from_secs(2);
/// A look that ends later than this after the one before began may have missed something: it sees the last ten seconds.
const LATE: Duration = Duration::from_secs(8);
/// How long a stream lasts. Then the browser asks again, and who may see the workspace is looked up anew.
const LONGEST: Duration = Duration::from_secs(120);
const ALIVE: Duration = Duration::from_secs(20);
/// News that wait for a page that is slow to take them.
const WAITING: usize = 1_024;

/// What pages hear.
#[derive(Debug, Clone, Copy)]
enum News {
    /// Something happened in this workspace.
    Of(Uuid),
    /// A look is over: whatever happens from now on is told. A page fetches itself anew after its first, because nobody told it what
    /// happened between its own making and that look; and after one that came too late to have seen everything.
    Looked { too_late: bool },
}

/// News of workspaces.
pub(super) struct Live {
    news: broadcast::Sender<News>,
    room: Arc<Semaphore>,
}

impl Live {
    /// Looks for news as long as the process lives.
    pub(super) fn start(db: Db) -> Self {
        let (news, _) = broadcast::channel(WAITING);
        tokio::spawn(look(db, news.clone()));
        Self { news, room: Arc::new(Semaphore::new(MOST)) }
    }
}

async fn look(db: Db, news: broadcast::Sender<News>) {
    let (mut seen, mut backoff) = (Seen::default(), Backoff::database());
    let mut seen_at = Instant::now();
    loop {
        if news.receiver_count() == 0 {
            // what happens now nobody waits for
            seen = Seen::default();
            sleep(EVERY).await;
            continue;
        }
        let begun = Instant::now();
        let wait = match db.newest_events().await {
            Ok(events) => {
                backoff = Backoff::database();
                let looked = News::Looked { too_late: seen_at.elapsed() > LATE };
                seen_at = begun;
                for one in seen.new_ones(events).into_iter().map(News::Of).chain([looked]) {
                    // nobody listens any more: nothing is lost
                    let _ = news.send(one);
                }
                EVERY
            }
            Err(error) => {
                warn!(%error, "pages of the dashboard don't hear what happens");
                backoff.next()
            }
        };
        sleep(wait).await;
    }
}

/// The events of the look before. Those of the last seconds are looked at again each time: transactions end in another order
/// than they begin.
#[derive(Default)]
struct Seen(Option<HashSet<Uuid>>);

impl Seen {
    /// The workspaces with events that were not there before, each once. The first look only learns.
    fn new_ones(&mut self, events: Vec<(Uuid, Uuid)>) -> HashSet<Uuid> {
        let events: HashMap<Uuid, Uuid> = events.into_iter().collect();
        let before = self.0.replace(events.keys().copied().collect());
        let Some(before) = before else { return HashSet::new() };
        events.into_iter().filter(|(id, _)| !before.contains(id)).map(|(_, workspace)| workspace).collect()
    }
}

/// One page that listens.
struct Listener {
    workspace: Uuid,
    news: broadcast::Receiver<News>,
    has_looked: bool,
    until: Instant,
    _room: OwnedSemaphorePermit,
}

impl Listener {
    /// Waits for the next thing that the page is to hear, and gives its name; none: its time is over.
    async fn next(&mut self) -> Option<&'static str> {
        loop {
            match timeout_at(self.until, self.news.recv()).await.ok()? {
                Ok(News::Of(workspace)) if workspace == self.workspace => return Some("changed"),
                Ok(News::Looked { too_late }) if too_late || !self.has_looked => {
                    self.has_looked = true;
                    return Some("looked");
                }
                Ok(_) => {}
                // it may have missed something of its own
                Err(broadcast::error::RecvError::Lagged(_)) => return Some("changed"),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

pub(super) async fn get(State(dashboard): State<Arc<Dashboard>>, asked: Asked) -> Result<Response, Stop> {
    let live = &dashboard.live;
    let room = Arc::clone(&live.room).try_acquire_owned().map_err(|_| Stop::Crowded)?;
    let ends = asked.ends_at().and_then(|at| (at - Utc::now()).to_std().ok()).unwrap_or(LONGEST);
    let listener = Listener {
        workspace: asked.workspace.id,
        news: live.news.subscribe(),
        has_looked: false,
        until: Instant::now() + ends.min(LONGEST),
        _room: room,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        listener
            .next()
            .await
            // browsers pass over what has no data
            .map(|name| (Ok::<_, Infallible>(Event::default().event(name).data("now")), listener))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn each_event_is_news_once() {
        let mut seen = Seen::default();
        assert!(seen.new_ones(vec![(id(1), id(10))]).is_empty(), "what was there before is no news");
        let news = seen.new_ones(vec![(id(1), id(10)), (id(2), id(20)), (id(3), id(20))]);
        assert_eq!(news, HashSet::from([id(20)]));
        assert!(seen.new_ones(vec![(id(2), id(20)), (id(3), id(20))]).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_hears_of_its_own_workspace_and_not_for_ever() {
        let (news, receiver) = broadcast::channel(4);
        let room = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&room).try_acquire_owned().unwrap();
        let until = Instant::now() + LONGEST;
        let mut listener =
            Listener { workspace: id(1), news: receiver, has_looked: false, until, _room: permit };
        let looked = |too_late| News::Looked { too_late };
        for (sent, heard) in
            [(News::Of(id(1)), "changed"), (looked(false), "looked"), (looked(true), "looked")]
        {
            news.send(News::Of(id(2))).unwrap();
            news.send(sent).unwrap();
            assert_eq!(listener.next().await, Some(heard));
        }
        news.send(News::Of(id(2))).unwrap();
        news.send(looked(false)).unwrap();
        assert_eq!(
            listener.next().await,
            None,
            "only others' news and later looks came until its time was over"
        );
        for _ in 0..9 {
            news.send(News::Of(id(2))).unwrap();
        }
        listener.until = Instant::now() + LONGEST;
        assert_eq!(listener.next().await, Some("changed"), "it missed some, which may have been its own");
        drop(listener);
        assert_eq!(room.available_permits(), 1);
    }
}
