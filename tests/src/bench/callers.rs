//! Who asks the API: clients with a connection each, and beside them some that send slowly and some that send too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, sleep_until, timeout};
use uuid::Uuid;

use crate::{api, http};

/// Of ten requests, five ask for a page of posts, four for a post, and one makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    List,
    Get,
    Make,
}

pub(super) const KINDS: [Kind; 3] = [Kind::List, Kind::Get, Kind::Make];
const MIX: [Kind; 10] = {
    use Kind::{Get, List, Make};
    [List, Get, List, Get, List, Make, List, Get, List, Get]
};

/// An answer, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    /// Since the load began.
    pub(super) at: Duration,
    pub(super) took: Duration,
    /// 0: there was none.
    pub(super) status: u16,
}

/// A user with a workspace.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) workspace: Uuid,
    pub(super) account: Uuid,
    pub(super) posts: Vec<Uuid>,
    /// When the posts are planned that it makes.
    pub(super) tomorrow: String,
}

/// A client with a connection of its own.
pub(super) struct Caller {
    client: reqwest::Client,
    url: String,
    token: String,
    user: User,
    asked: usize,
}

impl Caller {
    /// The first, second, … one begins with another request.
    pub(super) fn new(url: &str, user: &User, number: usize) -> Self {
        Self {
            client: http::client(),
            url: url.to_owned(),
            token: api::token(user.id),
            user: user.clone(),
            asked: number,
        }
    }

    /// Asks once; what kind of question it was, and the status.
    async fn ask(&mut self) -> (Kind, u16) {
        let (number, user) = (self.asked, &self.user);
        self.asked += 1;
        let kind = MIX[number % MIX.len()];
        let posts = format!("{}/v1/posts", self.url);
        let request = match kind {
            Kind::List => self.client.get(format!("{posts}?workspace_id={}&limit=20", user.workspace)),
            Kind::Get => self.client.get(format!("{posts}/{}", user.posts[number % user.posts.len()])),
            Kind::Make => self.client.post(posts).json(&json!({
                "workspace_id": user.workspace, "content": format!("post {number}"), "accounts": [user.account],
                "scheduled_at": user.tomorrow
            })),
        };
        let answer = async {
            let answer = request.bearer_auth(&self.token).send().await?;
            let status = answer.status().as_u16();
            answer.bytes().await.map(|_| status)
        };
        (kind, answer.await.unwrap_or_default())
    }

    /// Asks until the time is over: at once again, or every so often from a moment of its own on.
    pub(super) async fn run(
        mut self,
        begun: Instant,
        time: Duration,
        pace: Option<(Duration, Duration)>,
    ) -> Vec<Asked> {
        let mut found = Vec::new();
        let mut next = pace.map_or(begun, |(first, _)| begun + first);
        while next < begun + time {
            sleep_until(next.into()).await;
            let start = Instant::now();
            let (kind, status) = self.ask().await;
            found.push(Asked { kind, at: start - begun, took: start.elapsed(), status });
            // who was kept waiting does not make up for it
            next = pace.map_or_else(Instant::now, |(_, every)| (next + every).max(Instant::now()));
        }
        found
    }
}

/// What makes trouble beside them, while it may.
pub(super) struct Trouble {
    pub(super) url: String,
    pub(super) token: String,
    pub(super) may: AtomicBool,
    pub(super) over: AtomicBool,
    /// Connections of slow clients that were cut off.
    pub(super) cut_off: AtomicUsize,
    /// Bodies that were refused with 413, and those that were answered otherwise.
    pub(super) refused: AtomicUsize,
    pub(super) other: AtomicUsize,
}

/// A body that is too large.
const HUGE: usize = 100 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;
const BETWEEN: Duration = Duration::from_millis(100);
const A_WHILE: Duration = Duration::from_millis(20);

impl Trouble {
    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    fn head(&self, more: &str) -> String {
        let Self { token, .. } = self;
        format!(
            "POST /v1/posts HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{more}\r\n"
        )
    }

    fn goes_on(&self) -> bool {
        self.may.load(Ordering::Relaxed) && !self.over.load(Ordering::Relaxed)
    }

    /// Waits until it may; whether the end is still to come.
    async fn begins(&self) -> bool {
        while !self.goes_on() {
            if self.over.load(Ordering::Relaxed) {
                return false;
            }
            sleep(A_WHILE).await;
        }
        true
    }

    /// Sends a byte a second: of a head that has no end, or of a body behind a whole head.
    pub(super) async fn slowly(self: Arc<Self>, in_body: bool) {
        let head = if in_body {
            self.head("content-length: 1000\r\n")
        } else {
            "GET /v1/posts HTTP/1.1\r\nx: ".to_owned()
        };
        while self.begins().await {
            let Ok(mut stream) = TcpStream::connect(self.address()).await else {
                sleep(BETWEEN).await;
                continue;
            };
            let mut sent = stream.write_all(head.as_bytes()).await;
            while sent.is_ok() && self.goes_on() {
                // an answer, or the end, is what cuts it off
                let mut answer = [0; 256];
                if timeout(Duration::from_secs(1), stream.read(&mut answer)).await.is_ok() {
                    break;
                }
                sent = stream.write_all(b"x").await;
            }
            if self.goes_on() {
                self.cut_off.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Sends bodies that are too large: announced, or without a length.
    pub(super) async fn hugely(self: Arc<Self>, announced: bool) {
        let more = if announced {
            format!("content-length: {HUGE}\r\n")
        } else {
            "transfer-encoding: chunked\r\n".to_owned()
        };
        let head = self.head(&more);
        let bytes = "x".repeat(CHUNK);
        let chunk = if announced { bytes } else { format!("{CHUNK:x}\r\n{bytes}\r\n") };
        while self.begins().await {
            let status = self.send(&head, &chunk).await;
            let of = if status.as_deref() == Some("413") { &self.refused } else { &self.other };
            of.fetch_add(1, Ordering::Relaxed);
            sleep(BETWEEN).await;
        }
    }

    /// Sends until there is an answer; its status.
    async fn send(&self, head: &str, chunk: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address()).await.ok()?;
        let (mut reads, mut writes) = stream.split();
        let answer = async {
            let mut answer = [0; 12];
            reads.read_exact(&mut answer).await.ok()?;
            Some(String::from_utf8_lossy(&answer[9..]).into_owned())
        };
        let sends = async {
            let mut sent = writes.write_all(head.as_bytes()).await;
            for _ in 0..HUGE / CHUNK {
                if sent.is_err() {
                    break;
                }
                sent = writes.write_all(chunk.as_bytes()).await;
            }
            // the answer may be on its way
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = answer => answer,
            () = sends => None,
        }
    }
}
