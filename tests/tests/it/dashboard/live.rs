//! Pages hear of what happens in their workspace, and of nothing else.

use std::time::Duration;

use crier_tests::wait::SOON;
use tokio::time::timeout;

use super::Member;
use super::tenants::{member, two};

struct Stream(reqwest::Response);

impl Stream {
    async fn open(member: &Member) -> Self {
        let answer =
            member.request(reqwest::Method::GET, &member.path("/live")).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        let kind = answer.headers()["content-type"].to_str().unwrap_or_default().to_owned();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Self(answer)
    }

    /// The next piece of it, if one comes in time.
    async fn next(&mut self, within: Duration) -> Option<String> {
        let piece = timeout(within, self.0.chunk()).await.ok()?.expect("a piece");
        piece.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// All that comes until this is heard.
    async fn hears(&mut self, name: &str) -> String {
        // browsers pass over what has no data
        let (event, mut heard) = (format!("event: {name}\ndata: "), String::new());
        let until = tokio::time::Instant::now() + SOON;
        while !heard.contains(&event) {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let piece = self.next(left).await;
            heard += &piece.unwrap_or_else(|| panic!("not heard: {name}; heard: {heard:?}"));
        }
        heard
    }
}

#[tokio::test]
async fn a_page_hears_what_happens_in_its_workspace() {
    let two = two().await;
    let (ours, theirs) = (member(&two.url, &two.ours, 0).await, member(&two.url, &two.theirs, 0).await);
    let (mut our_stream, mut their_stream) = (Stream::open(&ours).await, Stream::open(&theirs).await);
    let editor = member(&two.url, &two.ours, 1).await;
    let post = two.ours.names["DRAFT"].as_str();
    // what happened before the first look is no news, and a page is told when that was
    our_stream.hears("looked").await;
    their_stream.hears("looked").await;
    editor.act("reschedule", &[("post", post), ("at", "2027-06-03T09:30")]).await.is(303);
    let piece = our_stream.hears("changed").await;
    // nothing of it but that it was
    assert!(!piece.contains(post) && !piece.contains("c4n4ry"), "{piece}");
    let others = their_stream.next(Duration::from_secs(1)).await.unwrap_or_default();
    assert!(!others.contains("changed"), "{others}");
}
