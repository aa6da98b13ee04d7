//! Tweets: what may become one, and what becomes visible.

use std::time::SystemTime;

use bytes::Bytes;
use hyper::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::media::Kind;
use super::problem::Refused;
use super::settings::Replies;
use super::text::{self, Shown};
use super::{Account, NAME, State, json_body, meter};
use crate::sim::bluesky::cid;
use crate::sim::ledger::{Entry, Image, Ledger, rfc3339};

const MAX_WEIGHT: usize = 280;
const MAX_IMAGES: usize = 4;
/// How long the same text is a duplicate. X doesn't say.
const DUPLICATE_HOURS: u64 = 24;

/// One tweet.
pub(super) struct Tweet {
    /// The id of its account.
    pub(super) author: String,
    /// As it was sent.
    pub(super) text: String,
    pub(super) media: Vec<String>,
    pub(super) reply_to: Option<u64>,
    /// The first tweet of its thread.
    pub(super) conversation: u64,
    pub(super) reply_settings: Option<ReplySettings>,
    pub(super) at: SystemTime,
    /// From when on it can be read.
    pub(super) visible: SystemTime,
}

/// What a client may send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    #[serde(default)]
    text: String,
    #[serde(default)]
    media: Attached,
    reply: Option<Reply>,
    poll: Option<Poll>,
    reply_settings: Option<ReplySettings>,
    quote_tweet_id: Option<String>,
    // taken, without effect
    #[serde(rename = "community_id")]
    _community_id: Option<String>,
    #[serde(rename = "made_with_ai")]
    _made_with_ai: Option<bool>,
    #[serde(rename = "paid_partnership")]
    _paid_partnership: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attached {
    media_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    in_reply_to_tweet_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Poll {
    options: Vec<String>,
    duration_minutes: u64,
}

/// Who may answer; otherwise everybody.
#[derive(Clone, Copy, serde::Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ReplySettings {
    Following,
    MentionedUsers,
    Subscribers,
    Verified,
}

impl Poll {
    fn check(&self) -> Result<(), Refused> {
        let wrong = |parameter, value: Value, message| Err(Refused::invalid(parameter, &value, message));
        if !(2..=4).contains(&self.options.len()) {
            return wrong("poll.options", json!(self.options), "Must have between 2 and 4 options.");
        }
        let fits = |option: &String| (1..=25).contains(&option.chars().count());
        if let Some(long) = self.options.iter().find(|option| !fits(option)) {
            return wrong("poll.options", json!(long), "Must have between 1 and 25 characters.");
        }
        if !(5..=10_080).contains(&self.duration_minutes) {
            return wrong(
                "poll.duration_minutes",
                json!(self.duration_minutes),
                "Must be between 5 and 10080.",
            );
        }
        Ok(())
    }
}

impl State {
    pub(super) fn create_tweet(
        &mut self,
        me: &Account,
        request: &Request<Bytes>,
        ledger: &Ledger,
    ) -> Result<Value, Refused> {
        let input = json_body(request)?;
        let draft: Draft = serde_json::from_value(input.clone())
            .map_err(|error| Refused::invalid("$", &input, error.to_string()))?;
        check_words(&draft)?;
        if let Some(poll) = &draft.poll {
            poll.check()?;
        }
        let reply_to = draft.reply.as_ref().map(|reply| self.check_reply(me, reply)).transpose()?;
        if self.is_duplicate(me, &draft.text) {
            return Err(Refused::forbidden("You are not allowed to create a Tweet with duplicate content."));
        }
        self.check_media(me, &draft.media.media_ids)?;
        let has_link = !text::links(&draft.text).is_empty();
        let price = if has_link { meter::POST_WITH_LINK } else { meter::POST };
        self.meter.charge(&me.handle, "tweets.create", price);
        let id = self.next_id();
        for upload in &draft.media.media_ids {
            self.uploads.entry(upload.clone()).and_modify(|upload| upload.used = true);
        }
        let at = SystemTime::now();
        let conversation = reply_to.and_then(|to| Some(self.tweets.get(&to)?.conversation)).unwrap_or(id);
        let tweet = Tweet {
            author: me.id.clone(),
            text: draft.text,
            media: draft.media.media_ids,
            reply_to,
            conversation,
            reply_settings: draft.reply_settings,
            at,
            visible: at + self.delay,
        };
        ledger.append(self.entry(me, id, &tweet));
        let shown = self.shown(id, &tweet);
        self.tweets.insert(id, tweet);
        let id = id.to_string();
        Ok(json!({"data": {"id": id, "text": shown.text, "edit_history_tweet_ids": [id]}}))
    }

    /// Takes a tweet away; one that is gone counts as taken away.
    pub(super) fn delete_tweet(&mut self, me: &Account, id: &str) -> Result<Value, Refused> {
        let key = tweet_id("id", id)?;
        if self.tweets.get(&key).is_some_and(|tweet| tweet.author != me.id) {
            return Err(Refused::forbidden("You are not permitted to perform this action."));
        }
        self.tweets.remove(&key);
        Ok(json!({"data": {"deleted": true}}))
    }

    /// A tweet's text as X gives it back.
    pub(super) fn shown(&self, id: u64, tweet: &Tweet) -> Shown {
        let first = tweet.media.first().and_then(|media| Some((media, self.uploads.get(media)?)));
        let key = first.map(|(media, upload)| (upload.key(media), upload.kind));
        let media = key.as_ref().map(|(key, kind)| {
            let what = if *kind == Kind::Image { "photo" } else { "video" };
            (format!("{}/{what}/1", self.address(id, tweet)), key.as_str())
        });
        text::shown(&tweet.text, id, media)
    }

    /// Where people read a tweet.
    pub(super) fn address(&self, id: u64, tweet: &Tweet) -> String {
        let handle = self.accounts.get(&tweet.author).map_or("i", |account| &account.handle);
        format!("https://x.com/{handle}/status/{id}")
    }

    /// Whether the account has said the same a short time ago. Media alone is never a duplicate.
    fn is_duplicate(&self, me: &Account, text: &str) -> bool {
        let is_recent =
            |tweet: &Tweet| tweet.at.elapsed().unwrap_or_default().as_secs() < DUPLICATE_HOURS * 60 * 60;
        let same = |tweet: &Tweet| tweet.author == me.id && tweet.text.trim() == text.trim();
        !text.trim().is_empty() && self.tweets.values().any(|tweet| same(tweet) && is_recent(tweet))
    }

    /// Whether the account may answer a tweet: gives its id.
    fn check_reply(&self, me: &Account, reply: &Reply) -> Result<u64, Refused> {
        let id = tweet_id("reply.in_reply_to_tweet_id", &reply.in_reply_to_tweet_id)?;
        let gone = "You attempted to reply to a Tweet that is deleted or not visible to you.";
        let tweet = self.tweets.get(&id).ok_or_else(|| Refused::forbidden(gone))?;
        let is_mentioned = || {
            let words = tweet.text.split(|c: char| !c.is_alphanumeric() && !"@_".contains(c));
            words.filter_map(|word| word.strip_prefix('@')).any(|name| name.eq_ignore_ascii_case(&me.handle))
        };
        let allowed = match self.settings.replies {
            Replies::All => true,
            Replies::Summoned => tweet.author == me.id || is_mentioned(),
            Replies::StrictlySummoned => is_mentioned(),
        };
        let refused = "Reply to this conversation is not allowed because you have not been mentioned or otherwise \
                       engaged by the author of the post you are replying to.";
        if allowed { Ok(id) } else { Err(Refused::forbidden(refused)) }
    }

    fn check_media(&self, me: &Account, ids: &[String]) -> Result<(), Refused> {
        let ready = |id: &String| {
            let upload = self.uploads.get(id).filter(|upload| upload.is_ready(&me.id, &self.settings))?;
            Some(upload.kind)
        };
        let kinds: Option<Vec<Kind>> = ids.iter().map(ready).collect();
        let repeats = ids.iter().enumerate().any(|(at, id)| ids[..at].contains(id));
        let wrong = |message: &str| Err(Refused::invalid("media.media_ids", &json!(ids), message));
        match kinds {
            None => wrong("Your media IDs are invalid."),
            Some(_) if repeats => wrong("Your media IDs are invalid."),
            Some(kinds) if kinds.len() > MAX_IMAGES => wrong("There can be at most 4 media IDs."),
            Some(kinds) if kinds.len() > 1 && kinds.iter().any(|kind| *kind != Kind::Image) => {
                wrong("A Tweet can have up to 4 images, or 1 GIF, or 1 video.")
            }
            Some(_) => Ok(()),
        }
    }

    fn entry(&self, me: &Account, id: u64, tweet: &Tweet) -> Entry {
        let images = tweet.media.iter().filter_map(|media| {
            let upload = self.uploads.get(media)?;
            let bytes = upload.bytes()?;
            Some(Image {
                alt: upload.alt.clone(),
                cid: cid::of_bytes(bytes),
                mime_type: upload.media_type.clone(),
                size: bytes.len() as u64,
            })
        });
        Entry {
            platform: NAME,
            account: me.handle.clone(),
            key: id.to_string(),
            text: tweet.text.clone(),
            images: images.collect(),
            at: rfc3339(tweet.at),
            uri: self.address(id, tweet),
            reply_to: self.answered(tweet),
        }
    }

    /// The address of what a tweet answers.
    pub(super) fn answered(&self, tweet: &Tweet) -> Option<String> {
        let id = tweet.reply_to?;
        self.tweets.get(&id).map(|answered| self.address(id, answered))
    }
}

/// What X checks without looking at anything else.
fn check_words(draft: &Draft) -> Result<(), Refused> {
    let Draft { text, media, poll, quote_tweet_id, .. } = draft;
    let wrong = |message: String| Err(Refused::invalid("text", &json!(text), message));
    let weight = text::weight(text);
    if weight > MAX_WEIGHT {
        return wrong(format!("The weighted length is {weight}; at most {MAX_WEIGHT} is allowed."));
    }
    if text.trim().is_empty() && media.media_ids.is_empty() {
        return wrong("text or media.media_ids is required.".to_owned());
    }
    if poll.is_some() && !media.media_ids.is_empty() {
        let both = "poll and media are mutually exclusive.";
        return Err(Refused::invalid("poll", &Value::Null, both));
    }
    if quote_tweet_id.is_some() {
        return Err(Refused::forbidden("Quoting a post is not allowed with your access level."));
    }
    let is_cashtag = |word: &&str| {
        word.strip_prefix('$').is_some_and(|symbol| symbol.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    if text.split_whitespace().filter(is_cashtag).count() > 1 {
        return Err(Refused::forbidden("A post can have at most one cashtag."));
    }
    Ok(())
}

/// A tweet's id, which a client must write as digits.
pub(super) fn tweet_id(parameter: &str, id: &str) -> Result<u64, Refused> {
    let digits = (1..=19).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    id.parse().ok().filter(|_| digits).ok_or_else(|| {
        let message = format!("The `{parameter}` query parameter value [{id}] is not valid");
        Refused::invalid(parameter, &json!(id), message)
    })
}
