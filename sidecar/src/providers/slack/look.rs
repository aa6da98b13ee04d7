//! Looks for a message that was sent: by the key in its metadata, or by its files.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::slack::is_time;
use serde::Deserialize;
use serde_json::Value;

use super::api::{Api, Who, named, object};
use super::publish::{EVENT, Sent, published};
use crate::providers::answer::Phase;
use crate::providers::key::made_at;
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page, search};
use crate::providers::window::{Window, answered_at};
use crate::providers::{Failure, Found, Published, Sought};

/// How many messages are read at a time. Of apps that are sold and are not in Slack's marketplace it shows 15.
const PAGE: &str = "200";
/// How many of a thread's are read at most.
const MAX_PAGES: usize = 5;
/// How much earlier than anything of interest the list begins: what decides is the time that Slack answers with.
const SPARE: Duration = Duration::from_secs(60 * 60);

/// Where a message is: its time, and that of the first of its thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) ts: String,
    pub(super) thread: Option<String>,
}

pub(super) async fn look(api: &Api<'_>, sought: Sought<'_>) -> Result<Found, Failure> {
    let Who::Bot { user, channel } = api.who()? else {
        let message = "a webhook can't read what is in its channel: only a person can find out";
        return Err(Failure::unknowable(message));
    };
    let sent = Sent::of(sought.frozen)?;
    if !sent.files.is_empty() {
        return look_for_files(api, channel, &sent).await;
    }
    let window = Window::new(made_at(sought.frozen)?, sought.drafted);
    let oldest = window.guess().checked_sub(SPARE).unwrap_or(UNIX_EPOCH);
    let oldest = oldest.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let key = &sought.frozen.key;
    let posts = Channel { api, user, channel, key, text: letters(&sent.text()), sent: &sent, oldest };
    match search(&posts, sought).await? {
        Found::Same(post) => {
            let found = named(&post.external_id)?;
            let share = Share { ts: found.at, thread: found.thread };
            Ok(Found::Same(published(api, channel, share).await))
        }
        found => Ok(found),
    }
}

/// Files that were completed are known to Slack, and it says where they are shown. One that it doesn't know was not: then there is
/// no message. Between the two it is still at it, or has dropped them.
async fn look_for_files(api: &Api<'_>, channel: &str, sent: &Sent) -> Result<Found, Failure> {
    match shared(api, channel, sent).await {
        Ok(Some(share)) => Ok(Found::Same(published(api, channel, share).await)),
        Ok(None) => Ok(Found::Pending),
        Err(failure) if failure.code.as_deref() == Some("file_not_found") => Ok(Found::Absent),
        Err(failure) => Err(failure),
    }
}

#[derive(Deserialize)]
struct Info {
    file: Value,
}

/// Where the first of the files is shown in the channel. They are shown together.
pub(super) async fn shared(api: &Api<'_>, channel: &str, sent: &Sent) -> Result<Option<Share>, Failure> {
    let Some(file) = sent.files.first() else { return Ok(None) };
    let Info { file } = object(Phase::Read, api.get("files.info", &[("file", file)]).await)?;
    if !file["id"].is_string() {
        return Err(Failure::new(ErrorClass::Transient, "the answer describes no file"));
    }
    let kinds = [&file["shares"]["public"][channel], &file["shares"]["private"][channel]];
    let share = kinds.into_iter().find_map(|shares| shares.as_array()?.first());
    let time = |value: &Value| value.as_str().filter(|time| is_time(time)).map(str::to_owned);
    Ok(share.and_then(|share| Some(Share { ts: time(&share["ts"])?, thread: time(&share["thread_ts"]) })))
}

#[derive(Deserialize)]
struct History {
    messages: Vec<Message>,
    #[serde(default)]
    response_metadata: Value,
}

#[derive(Deserialize)]
struct Message {
    ts: String,
    #[serde(default)]
    user: Value,
    #[serde(default)]
    text: String,
    #[serde(default)]
    metadata: Value,
}

struct Channel<'a> {
    api: &'a Api<'a>,
    user: &'a str,
    channel: &'a str,
    key: &'a str,
    text: String,
    sent: &'a Sent,
    /// In seconds since 1970.
    oldest: u64,
}

#[async_trait]
impl OwnPosts for Channel<'_> {
    type Cursor = String;

    async fn page(&self, next: Option<String>) -> Result<Page<String>, Failure> {
        let Some(thread) = self.sent.place.thread.as_deref() else {
            let (messages, answered_at, next) =
                self.read("conversations.history", &[], next.as_deref()).await?;
            return Ok(Page { listed: self.listed(&messages)?, answered_at, next });
        };
        // a thread is a list of its own, oldest first, which begins with what it answers: it is read as a whole
        let (mut messages, mut next) = (vec![], None);
        for _ in 0..MAX_PAGES {
            let (more, answered_at, more_next) =
                self.read("conversations.replies", &[("ts", thread)], next.as_deref()).await?;
            messages.extend(more.into_iter().filter(|message| message.ts != thread));
            next = more_next;
            if next.is_none() {
                messages.reverse();
                return Ok(Page { listed: self.listed(&messages)?, answered_at, next });
            }
        }
        Err(Failure::new(
            ErrorClass::Transient,
            "the thread has more answers since then than are looked through",
        ))
    }
}

/// Some messages, what time it was at the server, and where the next begin.
type Read = (Vec<Message>, Option<SystemTime>, Option<String>);

impl Channel<'_> {
    async fn read(&self, name: &str, of: &[(&str, &str)], cursor: Option<&str>) -> Result<Read, Failure> {
        let oldest = self.oldest.to_string();
        let mut params = vec![
            ("channel", self.channel),
            ("limit", PAGE),
            ("oldest", oldest.as_str()),
            ("include_all_metadata", "true"),
        ];
        params.extend(of);
        params.extend(cursor.map(|cursor| ("cursor", cursor)));
        let answer = self.api.get(name, &params).await;
        let answered_at = answered_at(&answer);
        // a list that begins too late shows nothing of what is there
        if answered_at.is_some_and(|theirs| SystemTime::now() > theirs + SPARE / 2) {
            let message = "the clock of this machine is far ahead of Slack's";
            return Err(Failure::new(ErrorClass::Transient, message));
        }
        let History { messages, response_metadata } = object(Phase::Read, answer)?;
        let next = response_metadata["next_cursor"].as_str().filter(|cursor| !cursor.is_empty());
        Ok((messages, answered_at, next.map(str::to_owned)))
    }

    fn listed(&self, messages: &[Message]) -> Result<Vec<Listed>, Failure> {
        let listed = messages.iter().map(|message| {
            if !is_time(&message.ts) {
                return Err(Failure::new(ErrorClass::Transient, "a message in the channel has no time"));
            }
            let seconds = message.ts.split('.').next().and_then(|seconds| seconds.parse().ok());
            let at = seconds.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
            Ok(Listed { at, likeness: self.likeness(message) })
        });
        listed.collect()
    }

    /// The key is another's nowhere. A message without one that reads the same may be ours where Slack keeps the metadata back.
    fn likeness(&self, message: &Message) -> Likeness {
        let Message { ts, user, text, metadata } = message;
        let key = metadata["event_payload"]["key"].as_str().filter(|_| metadata["event_type"] == EVENT);
        let thread = self.sent.place.thread.iter().map(|thread| format!("/{thread}")).collect::<String>();
        let external_id = format!("{}/{ts}{thread}", self.channel);
        match key {
            Some(key) if key == self.key => {
                Likeness::Same(Published { external_id, url: String::new(), cid: None })
            }
            Some(_) => Likeness::Different,
            None if user == self.user && letters(text) == self.text => Likeness::Alike(external_id),
            None => Likeness::Different,
        }
    }
}

/// What of a text is left whatever Slack makes of links, blanks and marks.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}
