//! Publishing a container, and finding out whether it was published.
//!
//! A container is published once or never, so its state is the proof. The list of media only gives the post's id, and
//! decides where there is no container any more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::classify::{is_gone, read};
use super::container::{self, State, plan};
use super::{MAX_HANDLE, prepare};
use crate::providers::answer::{Phase, seconds_since_1970, since_1970};
use crate::providers::graph::{Graph, is_id};
use crate::providers::window::{Window, answered_at};
use crate::providers::{Account, Failure, Found, Frozen, NoOthers, Others, Post, Published, Sought};

/// The most media that are looked through.
const LISTED: usize = 100;
/// How long a look waits for a publish that is under way.
const PUBLISHING: Duration = Duration::from_secs(30);
/// A published post can be in no list yet: when it is looked for again.
const LIST_PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(4)];
/// How long the address of a post is waited for.
const PERMALINK: Duration = Duration::from_secs(10);
/// The most characters of an address.
const MAX_URL: usize = 2_048;

/// What is sent, and what it is looked for by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Request {
    creation_id: String,
    caption: String,
    is_story: bool,
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
pub(super) fn draft(post: &Post, prepared: &serde_json::Value, now: SystemTime) -> Result<Frozen, Failure> {
    let prepared = prepare::parse(prepared);
    let unready = || Failure::new(ErrorClass::Transient, "no container is ready to be published");
    let id = prepared.ready().ok_or_else(unready)?;
    let request = Request {
        creation_id: id.to_owned(),
        caption: post.content.clone(),
        is_story: plan(post)?.is_story,
        drafted_at: seconds_since_1970(now),
    };
    Ok(Frozen { key: id.to_owned(), request: json!(request).to_string() })
}

#[derive(Deserialize)]
struct Sent {
    id: String,
}

/// Publishes the container.
pub(super) async fn commit(
    server: &Graph<'_>,
    account: &Account,
    frozen: &Frozen,
) -> Result<Published, Failure> {
    let request = Request::of(frozen)?;
    let path = format!("{}/media_publish", account.external_id);
    let answer = server.post(&path, &vec![("creation_id", request.creation_id.clone())]).await;
    match read(Phase::Commit, answer) {
        Ok(Sent { id }) if is_id(&id) => {
            let url = permalink(server, &id).await;
            Ok(published(account, id, url))
        }
        Ok(_) => {
            let message = "the server answered with no id of a post";
            Err(Failure { status: Some(200), ..Failure::new(ErrorClass::OutcomeUnknown, message) })
        }
        Err(failure) if is_gone(&failure) => after_gone(server, account, frozen, &request, failure).await,
        Err(failure) => Err(failure),
    }
}

/// The server knows no such container: it is published, or it has expired.
async fn after_gone(
    server: &Graph<'_>,
    account: &Account,
    frozen: &Frozen,
    request: &Request,
    failure: Failure,
) -> Result<Published, Failure> {
    let Ok(state) = container::state(server, Phase::Read, &request.creation_id).await else {
        return Err(failure);
    };
    let is_there = state == State::Finished;
    let sought = Sought { frozen, drafted: None, others: &NoOthers };
    match judge(server, account, request, state, sought).await {
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
pub(super) async fn look(
    server: &Graph<'_>,
    account: &Account,
    sought: Sought<'_>,
) -> Result<Found, Failure> {
    let request = Request::of(sought.frozen)?;
    let state = container::settled(server, Phase::Read, &request.creation_id, PUBLISHING).await?;
    judge(server, account, &request, state, sought).await
}

async fn judge(
    server: &Graph<'_>,
    account: &Account,
    request: &Request,
    state: State,
    sought: Sought<'_>,
) -> Result<Found, Failure> {
    match state {
        State::InProgress => Ok(Found::Pending),
        State::Finished => Ok(Found::Absent),
        State::Published => named(server, account, request, sought).await.map(Found::Same),
        State::Failed(_) | State::Gone => {
            let list = list(server, account, request, sought).await?;
            Ok(match of_no_other(list.candidates(request)?, sought.others).await?.as_slice() {
                // Older posts than this one's draft must be in sight.
                [] if list.posts.len() < LISTED || list.reaches_back()? => Found::Absent,
                // Without a caption any post of that time could be this one.
                [only] if !words(&request.caption).is_empty() => Found::Same(only.published(account)),
                _ => Found::Pending,
            })
        }
    }
}

/// A post that is out for certain, by the id it has in the list. Where that doesn't show it, the container stands in.
async fn named(
    server: &Graph<'_>,
    account: &Account,
    request: &Request,
    sought: Sought<'_>,
) -> Result<Published, Failure> {
    for pause in LIST_PAUSES {
        tokio::time::sleep(pause).await;
        match list(server, account, request, sought).await {
            Ok(list) => {
                if let Ok(candidates) = list.candidates(request)
                    && let [only] = of_no_other(candidates, sought.others).await?.as_slice()
                {
                    return Ok(only.published(account));
                }
            }
            Err(failure) if failure.class == ErrorClass::AuthExpired => return Err(failure),
            Err(_) => {}
        }
    }
    Ok(published(account, request.creation_id.clone(), None))
}

#[derive(Deserialize)]
struct Answered {
    data: Vec<Listed>,
}

/// What the account published last.
struct List {
    posts: Vec<Listed>,
    /// From when on a post can be the one that is looked for, in seconds since 1970.
    since: u64,
}

#[derive(Debug, Deserialize)]
struct Listed {
    id: String,
    timestamp: String,
    #[serde(default)]
    caption: Option<String>,
    #[serde(default)]
    permalink: Option<String>,
}

impl Listed {
    /// When it appeared, in seconds since 1970.
    fn at(&self) -> Result<u64, Failure> {
        seconds(&self.timestamp)
    }

    fn published(&self, account: &Account) -> Published {
        published(account, self.id.clone(), self.permalink.clone())
    }
}

/// Asks what the account published last.
async fn list(
    server: &Graph<'_>,
    account: &Account,
    request: &Request,
    sought: Sought<'_>,
) -> Result<List, Failure> {
    let kind = if request.is_story { "stories" } else { "media" };
    let path = format!("{}/{kind}", account.external_id);
    let query = [("fields", "id,caption,timestamp,permalink"), ("limit", &LISTED.to_string())];
    let answer = server.get(&path, &query).await;
    let window = Window::new(since_1970(request.drafted_at), sought.drafted);
    let begin = window.begin(answered_at(&answer));
    let Answered { data: posts } = read(Phase::Read, answer)?;
    Ok(List { posts, since: seconds_since_1970(begin) })
}

impl List {
    /// The posts that can be this one.
    fn candidates(&self, request: &Request) -> Result<Vec<&Listed>, Failure> {
        let mut found = vec![];
        for one in self.posts.iter().filter(|one| is_id(&one.id)) {
            let caption = one.caption.as_deref().unwrap_or_default();
            let same = request.is_story || words(caption) == words(&request.caption);
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

/// A time of a list, in seconds since 1970. The zone is written without the colon that RFC 3339 wants.
pub(super) fn seconds(timestamp: &str) -> Result<u64, Failure> {
    let utc = timestamp.strip_suffix("+0000").map(|time| format!("{time}Z"));
    let time = humantime::parse_rfc3339(utc.as_deref().unwrap_or(timestamp)).ok();
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map(|since| since.as_secs())
        .ok_or_else(|| Failure::new(ErrorClass::Transient, "a list has an unknown form of time"))
}

/// Instagram trims captions.
pub(super) fn words(caption: &str) -> Vec<&str> {
    caption.split_whitespace().collect()
}

#[derive(Deserialize)]
struct Address {
    permalink: String,
}

/// Where people see a post. It is out: nothing waits long for that.
pub(super) async fn permalink(server: &Graph<'_>, id: &str) -> Option<String> {
    let ask = server.get(id, &[("fields", "permalink")]);
    let answer = tokio::time::timeout(PERMALINK, ask).await.ok()?;
    read::<Address>(Phase::Read, answer).ok().map(|address| address.permalink)
}

pub(super) fn published(account: &Account, external_id: String, url: Option<String>) -> Published {
    let is_address = |url: &String| {
        url.starts_with("https://") && url.len() <= MAX_URL && url.bytes().all(|b| b.is_ascii_graphic())
    };
    let url = url.filter(is_address).unwrap_or_else(|| profile(account));
    Published { external_id, url, cid: None }
}

/// The account's page, in the place of an address that is not known.
fn profile(account: &Account) -> String {
    let handle = &account.handle;
    let is_name = (1..=MAX_HANDLE).contains(&handle.len())
        && handle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
    if is_name { format!("https://www.instagram.com/{handle}/") } else { "https://www.instagram.com/".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use uuid::Uuid;

    fn request(caption: &str) -> Request {
        // 2026-11-18T11:06:40Z
        Request {
            creation_id: "1".into(),
            caption: caption.into(),
            is_story: false,
            drafted_at: 1_795_000_000,
        }
    }

    /// Posts from a minute before the draft on.
    fn listed(list: Value) -> List {
        List { posts: serde_json::from_value(list).unwrap(), since: 1_795_000_000 - 60 }
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
        let stories = list.candidates(&Request { is_story: true, ..request("unseen") }).unwrap();
        assert_eq!(stories.len(), 3);
    }

    #[test]
    fn an_unknown_time_proves_nothing() {
        for odd in ["", "yesterday", "1960-01-01T00:00:00Z", "2026-11-18T11:07:00+0100"] {
            let list = listed(json!([{ "id": "1", "caption": "a", "timestamp": odd }]));
            assert!(list.candidates(&request("a")).is_err(), "{odd}");
        }
    }

    fn account(handle: &str) -> Account {
        Account {
            id: Uuid::nil(),
            external_id: "17841".into(),
            handle: handle.into(),
            base_url: "https://graph.instagram.com".into(),
            charges: Default::default(),
        }
    }

    #[test]
    fn an_address_that_is_none_leads_to_the_account() {
        let url = |handle: &str, url: Option<&str>| {
            published(&account(handle), "1".into(), url.map(Into::into)).url
        };
        assert_eq!(url("a", Some("https://www.instagram.com/p/x/")), "https://www.instagram.com/p/x/");
        for odd in [None, Some(""), Some("javascript:1"), Some("https://a b"), Some("https://a\0")] {
            assert_eq!(url("a.b_1", odd), "https://www.instagram.com/a.b_1/", "{odd:?}");
        }
        assert_eq!(url("a/../b", None), "https://www.instagram.com/");
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
        let frozen = draft(&post, &prepared(true), now).unwrap();
        assert_eq!(frozen.key, "1");
        assert_eq!(Request::of(&frozen), Ok(request("hi")));
        assert!(draft(&post, &prepared(false), now).is_err());
        for odd in ["", "{}", r#"{"creation_id":"a/b","caption":"","is_story":false,"drafted_at":1}"#] {
            let failure = Request::of(&Frozen { key: "1".into(), request: odd.into() }).unwrap_err();
            assert_eq!(failure.class, ErrorClass::Config, "{odd}");
        }
    }
}
