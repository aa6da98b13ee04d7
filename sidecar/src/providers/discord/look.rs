//! Looks in a bot's channel for a message that was sent.

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use reqwest::Method;

use super::api::{Api, Id, Who, read};
use super::message::{self, Payload, Sent, Shown};
use crate::providers::answer::Phase;
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page, search};
use crate::providers::window::answered_at;
use crate::providers::{Failure, Found, Sought};

/// How many messages are read at a time: as many as there may be.
const PAGE: usize = 100;

pub(super) async fn look(api: &Api<'_>, sought: Sought<'_>) -> Result<Found, Failure> {
    let Who::Bot { bot, channel } = api.who()? else {
        let message = "a webhook can't read what is in its channel: only a person can find out";
        return Err(Failure::unknowable(message));
    };
    let sent = Sent::of(sought.frozen)?;
    let payload = sent.payload()?;
    search(&Channel { api, bot, channel, sent: &sent, payload: &payload }, sought).await
}

/// Whether the bot may read what was written before: otherwise Discord shows an empty channel, and says no more. A message under
/// the channel's own id is only in threads, but only who may read is told that there is none.
pub(super) async fn may_read(api: &Api<'_>, channel: &str, phase: Phase) -> Result<(), Failure> {
    let path = format!("channels/{channel}/messages/{channel}");
    let answer = api.send(api.request(Method::GET, &path)).await;
    match read::<serde::de::IgnoredAny>(phase, answer) {
        Err(failure) if failure.code.as_deref() == Some("10008") => Ok(()),
        Err(failure) if failure.class == ErrorClass::Permission => {
            let message = "the bot may not read the channel: it needs the rights to view it and to read its message history";
            Err(Failure { message: message.into(), ..failure })
        }
        other => other.map(drop),
    }
}

struct Channel<'a> {
    api: &'a Api<'a>,
    bot: &'a str,
    channel: &'a str,
    sent: &'a Sent,
    payload: &'a Payload,
}

#[async_trait]
impl OwnPosts for Channel<'_> {
    type Cursor = Id;

    async fn page(&self, next: Option<Id>) -> Result<Page<Id>, Failure> {
        let before = next.as_ref().map(|id| format!("&before={}", id.as_str())).unwrap_or_default();
        let path = format!("channels/{}/messages?limit={PAGE}{before}", self.channel);
        let answer = self.api.get(&path).await;
        let answered_at = answered_at(&answer);
        let shown: Vec<Shown> = read(Phase::Read, answer)?;
        if shown.is_empty() && next.is_none() {
            may_read(self.api, self.channel, Phase::Read).await?;
        }
        // one that is not full is the last
        let next = shown.last().filter(|_| shown.len() >= PAGE).map(|last| last.id.clone());
        let listed = shown.iter().map(|shown| Listed { at: shown.at(), likeness: self.likeness(shown) });
        Ok(Page { listed: listed.collect(), answered_at, next })
    }
}

impl Channel<'_> {
    fn likeness(&self, shown: &Shown) -> Likeness {
        match shown.compare(self.payload, &self.sent.files, self.bot) {
            message::Likeness::Same => Likeness::Same(self.sent.published(&shown.id, &shown.channel_id)),
            message::Likeness::Alike => Likeness::Alike(shown.id.as_str().to_owned()),
            message::Likeness::Different => Likeness::Different,
        }
    }
}
