//! Publishing a container, and finding out whether it was published.
//!
//! A container is published once or never, so its state is the proof. The list of media only gives the post's id, and
//! decides where there is no container any more.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::classify::{is_gone, read};
use super::{Containers, Shown, State, prepare, settled, state};
use crate::providers::answer::{Phase, seconds_since_1970, since_1970};
use crate::providers::graph::{Graph, is_id, permalink, published, seconds};
use crate::providers::window::{Window, answered_at};
use crate::providers::words::words;
use crate::providers::{Account, Failure, Found, Frozen, NoOthers, Others, Post, Published, Sought};

/// The most media that are looked through.
const LISTED: usize = 50;
/// How long a look waits for a publish that is under way.
const PUBLISHING: Duration = Duration::from_secs(30);
/// A published post can be in no list yet: when it is looked for again.
const LIST_PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(4)];
/// What is said where the login that the account has does not let its answers be read.
const CLOSED: &str =
    "the account's login does not let its answers be read: whether it was published only a person can see";
/// What the address of a post is called.
const PERMALINK: &str = "permalink";

/// What is sent, and what it is looked for by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Request {
    creation_id: String,
    caption: String,
    #[serde(default)]
    shown: Shown,
    /// In seconds since 1970.
    drafted_at: u64,
}

impl Request {
    fn of(frozen: &Frozen) -> Result<Self, Failure> {
        let request: Option<Self> = serde_json::from_str(&frozen.request).ok();
        request
            .filter(|request| is_id(&request.creation_id))
            .ok_or_else(|| Failure::new(ErrorClass::Config, "the stored request can't be read"))
    }
}

/// Writes down which container is published.
pub(in crate::providers) fn draft(
    kind: &Containers,
    post: &Post,
    prepared: &Value,
    now: SystemTime,
) -> Result<Frozen, Failure> {
    let prepared = prepare::parse(prepared);
    let unready = || Failure::new(ErrorClass::Transient, "no container is ready to be published");
    let id = prepared.ready().ok_or_else(unready)?;
    let request = Request {
        creation_id: id.to_owned(),
        caption: post.content.clone(),
        shown: (kind.plan)(post)?.shown,
        drafted_at: seconds_since_1970(now),
    };
    Ok(Frozen { key: id.to_owned(), request: json!(request).to_string() })
}

#[derive(Deserialize)]
struct Sent {
    id: String,
}

/// Publishes the container.
pub(in crate::providers) async fn commit(
    server: &Graph<'_>,
    account: &Account,
    kind: &Containers,
    frozen: &Frozen,
) -> Result<Published, Failure> {
    let request = Request::of(frozen)?;
    let path = format!("{}/{}", account.external_id, kind.publish);
    let answer = server.post(&path, &vec![("creation_id", request.creation_id.clone())]).await;
    match read(Phase::Commit, answer) {
        Ok(Sent { id }) if is_id(&id) => {
            let url = permalink(server, &id, PERMALINK).await;
            Ok(published(id, url, || (kind.page)(account)))
        }
        Ok(_) => {
            let message = "the server answered with no id of a post";
            Err(Failure { status: Some(200), ..Failure::new(ErrorClass::OutcomeUnknown, message) })
        }
        Err(failure) if is_gone(&failure) => after_gone(server, account, kind, frozen, failure).await,
        Err(failure) => Err(failure),
    }
}

/// The server knows no such container: it is published, or it has expired.
async fn after_gone(
    server: &Graph<'_>,
    account: &Account,
    kind: &Containers,
    frozen: &Frozen,
    failure: Failure,
) -> Result<Published, Failure> {
    let request = Request::of(frozen)?;
    let Ok(state) = state(server, Phase::Read, kind, &request.creation_id).await else {
        return Err(failure);
    };
    let is_there = state == State::Finished;
    let sought = Sought { frozen, drafted: None, others: &NoOthers };
    match (Look { server, account, kind, request: &request, sought }).judge(state).await {
        Ok(Found::Same(published)) => Ok(published),
        Ok(Found::Absent) if is_there => Err(Failure { class: ErrorClass::Transient, ..failure }),
        // Only another container can be published, and the request names this one.
        Ok(Found::Absent) => {
            let message = "the container has expired before it was published".into();
            Err(Failure { class: ErrorClass::ContentInvalid, message, draft_again: true, ..failure })
        }
        _ => Err(failure),
    }
}

/// Looks whether the container was published.
pub(in crate::providers) async fn look(
    server: &Graph<'_>,
    account: &Account,
    kind: &Containers,
    sought: Sought<'_>,
) -> Result<Found, Failure> {
    let request = Request::of(sought.frozen)?;
    let state = settled(server, Phase::Read, (kind, &request.creation_id), PUBLISHING).await?;
    Look { server, account, kind, request: &request, sought }.judge(state).await
}

/// A look for what a container became.
#[derive(Clone, Copy)]
struct Look<'a> {
    server: &'a Graph<'a>,
    account: &'a Account,
    kind: &'a Containers,
    request: &'a Request,
    sought: Sought<'a>,
}

impl Look<'_> {
    async fn judge(self, state: State) -> Result<Found, Failure> {
        match state {
            State::InProgress => Ok(Found::Pending),
            State::Finished => Ok(Found::Absent),
            State::Published => self.named().await.map(Found::Same),
            State::Failed(_) | State::Gone => {
                // Answers are a right of their own, which not every login gives.
                let list = self.list().await.map_err(|failure| match self.request.shown {
                    Shown::Reply => failure.closed(CLOSED),
                    Shown::Feed | Shown::Story => failure,
                })?;
                let candidates = list.candidates(self.request)?;
                Ok(match of_no_other(candidates, self.sought.others).await?.as_slice() {
                    // Older posts than this one's draft must be in sight.
                    [] if list.posts.len() < LISTED || list.reaches_back()? => Found::Absent,
                    // Without a caption any post of that time could be this one.
                    [only] if !words(&self.request.caption).is_empty() => Found::Same(self.there(only)),
                    _ => Found::Pending,
                })
            }
        }
    }

    /// A post that is out for certain, by the id it has in the list. Where that was read and doesn't show it, or may not be read at
    /// all, the container stands in: nothing that posts are asked for later is to be had under its id.
    async fn named(self) -> Result<Published, Failure> {
        let mut failed = None;
        for pause in LIST_PAUSES {
            tokio::time::sleep(pause).await;
            failed = match self.listed().await {
                Ok((data, since)) => {
                    // One that can't be read is not missed here.
                    let posts =
                        data.into_iter().filter_map(|one| Listed::of(one, self.kind.text).ok()).collect();
                    if let Ok(candidates) = (List { posts, since }).candidates(self.request)
                        && let [only] = of_no_other(candidates, self.sought.others).await?.as_slice()
                    {
                        return Ok(self.there(only));
                    }
                    None
                }
                Err(failure) => match failure.class {
                    ErrorClass::Permission => {
                        failed = None;
                        break;
                    }
                    ErrorClass::Transient => Some(failure),
                    _ => return Err(failure),
                },
            };
        }
        match failed {
            Some(failure) => Err(failure),
            None => Ok(published(self.request.creation_id.clone(), None, || (self.kind.page)(self.account))),
        }
    }

    /// What the account published last, every post of which has to be readable.
    async fn list(self) -> Result<List, Failure> {
        let (data, since) = self.listed().await?;
        let posts = data.into_iter().map(|one| Listed::of(one, self.kind.text)).collect::<Result<_, _>>()?;
        Ok(List { posts, since })
    }

    /// Asks what the account published last, and since when this post can be there.
    async fn listed(self) -> Result<(Vec<Value>, u64), Failure> {
        let path = format!("{}/{}", self.account.external_id, (self.kind.list)(self.request.shown));
        let fields = ["id", self.kind.text, "timestamp", PERMALINK].join(",");
        let query = [("fields", fields.as_str()), ("limit", &LISTED.to_string())];
        let answer = self.server.get(&path, &query).await;
        let window = Window::new(since_1970(self.request.drafted_at), self.sought.drafted);
        let begin = window.begin(answered_at(&answer));
        let Answered { data } = read(Phase::Read, answer)?;
        Ok((data, seconds_since_1970(begin)))
    }

    fn there(self, listed: &Listed) -> Published {
        published(listed.id.clone(), listed.permalink.clone(), || (self.kind.page)(self.account))
    }
}

#[derive(Deserialize)]
struct Answered {
    data: Vec<Value>,
}

/// What the account published last.
struct List {
    posts: Vec<Listed>,
    /// From when on a post can be the one that is looked for, in seconds since 1970.
    since: u64,
}

#[derive(Debug)]
struct Listed {
    id: String,
    timestamp: String,
    text: String,
    permalink: Option<String>,
}

impl Listed {
    /// A post that can't be read could be the one.
    fn of(shown: Value, text: &str) -> Result<Self, Failure> {
        let word = |name: &str| shown[name].as_str().map(str::to_owned);
        let unreadable = || Failure::new(ErrorClass::Transient, "a list has a post without an id or a time");
        Ok(Self {
            id: word("id").ok_or_else(unreadable)?,
            timestamp: word("timestamp").ok_or_else(unreadable)?,
            text: word(text).unwrap_or_default(),
            permalink: word(PERMALINK),
        })
    }

    /// When it appeared, in seconds since 1970.
    fn at(&self) -> Result<u64, Failure> {
        seconds(&self.timestamp)
    }
}

impl List {
    /// The posts that can be this one.
    fn candidates(&self, request: &Request) -> Result<Vec<&Listed>, Failure> {
        let mut found = vec![];
        for one in self.posts.iter().filter(|one| is_id(&one.id)) {
            let same = request.shown == Shown::Story || words(&one.text) == words(&request.caption);
            if same && one.at()? >= self.since {
                found.push(one);
            }
        }
        Ok(found)
    }

    /// Whether older posts than this one's draft are in sight.
    fn reaches_back(&self) -> Result<bool, Failure> {
        for one in &self.posts {
            if one.at()? < self.since {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

async fn of_no_other<'l>(
    mut candidates: Vec<&'l Listed>,
    others: &dyn Others,
) -> Result<Vec<&'l Listed>, Failure> {
    let taken = others.taken(candidates.iter().map(|one| one.id.clone()).collect()).await?;
    candidates.retain(|one| !taken.contains(&one.id));
    Ok(candidates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::graph::containers::Plan;
    use std::time::UNIX_EPOCH;

    const KIND: Containers = Containers {
        platform: "x",
        make: "media",
        publish: "media_publish",
        quota: "limit",
        state: ["status_code", "status"],
        text: "caption",
        list: |_| "media",
        plan: |_| Ok(Plan { parts: vec![], whole: vec![], shown: Shown::Feed }),
        page: |_| "https://x.example".to_owned(),
    };

    fn request(caption: &str) -> Request {
        // 2026-11-18T11:06:40Z
        Request {
            creation_id: "1".into(),
            caption: caption.into(),
            shown: Shown::Feed,
            drafted_at: 1_795_000_000,
        }
    }

    /// Posts from a minute before the draft on.
    fn listed(list: Value) -> List {
        let posts: Vec<Value> = serde_json::from_value(list).unwrap();
        let posts = posts.into_iter().map(|post| Listed::of(post, KIND.text).unwrap()).collect();
        List { posts, since: 1_795_000_000 - 60 }
    }

    #[test]
    fn a_post_is_told_by_caption_and_time() {
        let list = listed(json!([
            { "id": "1", "caption": "other", "timestamp": "2026-11-18T11:07:00+0000" },
            { "id": "2", "caption": " to  be\nfound", "timestamp": "2026-11-18T11:06:00Z" },
            { "id": "3", "caption": "to be found", "timestamp": "2026-11-18T11:05:39+0000" },
            { "id": "x", "caption": "to be found", "timestamp": "2026-11-18T11:07:00+0000" },
            { "id": "5", "timestamp": "2026-11-18T11:07:00+0000" },
        ]));
        let found = |caption: &str| {
            let found = list.candidates(&request(caption)).unwrap();
            found.into_iter().map(|one| one.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(found("to be found "), ["2"]);
        assert_eq!(found(""), ["5"]);
        assert!(found("to be").is_empty());
        assert!(list.reaches_back().unwrap());
        let stories = list.candidates(&Request { shown: Shown::Story, ..request("unseen") }).unwrap();
        assert_eq!(stories.len(), 3);
    }

    #[test]
    fn an_unknown_time_proves_nothing() {
        for odd in ["", "yesterday", "1960-01-01T00:00:00Z", "2026-11-18T11:07:00+0100"] {
            let list = listed(json!([{ "id": "1", "caption": "a", "timestamp": odd }]));
            assert!(list.candidates(&request("a")).is_err(), "{odd}");
        }
    }

    #[test]
    fn only_a_ready_container_is_written_down() {
        let post = Post {
            content: "hi".into(),
            media: json!([{ "url": "https://a.example/a.jpg" }]),
            settings: json!({}),
            attempt: 1,
            reply_to: None,
        };
        let now = UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let prepared = |ready: bool| json!({ "whole": { "id": "1", "made_at": 7, "is_ready": ready } });
        let frozen = draft(&KIND, &post, &prepared(true), now).unwrap();
        assert_eq!(frozen.key, "1");
        assert_eq!(Request::of(&frozen), Ok(request("hi")));
        assert!(draft(&KIND, &post, &prepared(false), now).is_err());
        for odd in ["", "{}", r#"{"creation_id":"a/b","caption":"","shown":"feed","drafted_at":1}"#] {
            let failure = Request::of(&Frozen { key: "1".into(), request: odd.into() }).unwrap_err();
            assert_eq!(failure.class, ErrorClass::Config, "{odd}");
        }
    }
}
