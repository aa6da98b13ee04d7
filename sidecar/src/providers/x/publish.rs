//! The post: written down once, sent as it was written, looked for among the newest of the account.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::platform::x;
use crier_core::text::{self, Count};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::api::{Api, is_id, read};
use super::prepare::media_ids;
use super::shown::Shown;
use super::tweet::{Tweet, url};
use crate::client::{Answer, CallError};
use crate::providers::answer::{Phase, seconds_since_1970, since_1970};
use crate::providers::window::{Window, answered_at};
use crate::providers::{Account, Failure, Found, Frozen, Others, Post, Published, Sought};

/// Pages of posts that are looked through, of a hundred each. There is one for all but the busiest accounts.
const MAX_PAGES: usize = 10;

/// What is frozen: the body as it is sent, and the time from which on the post can be there.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    /// In seconds since 1970.
    at: u64,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// Writes the post down.
pub(super) fn draft(post: &Post, prepared: &Value, key: String, now: SystemTime) -> Result<Frozen, Failure> {
    let wrong = |why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for x {why}"));
    let settings = x::settings(&post.settings).map_err(wrong)?;
    let unreadable_post = || Failure::new(ErrorClass::ContentInvalid, "what is answered is no post on x");
    let answered = post.reply_to.as_deref();
    let answers = answered.map(|post| x::post_id(post).ok_or_else(unreadable_post)).transpose()?;
    let tweet = Tweet::new(&post.content, media_ids(prepared), &settings, answers);
    let at = seconds_since_1970(now);
    let body = to_raw_value(&tweet).map_err(unreadable)?;
    let request = serde_json::to_string(&Written { at, body: &body }).map_err(unreadable)?;
    Ok(Frozen { key, request })
}

fn written(frozen: &Frozen) -> Result<Written<'_>, Failure> {
    serde_json::from_str(&frozen.request).map_err(unreadable)
}

fn unreadable(_: serde_json::Error) -> Failure {
    Failure::new(ErrorClass::Config, "the stored post is not of this version")
}

#[derive(Deserialize)]
struct Created {
    data: Id,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// Sends the post.
pub(super) async fn commit(api: &Api<'_>, account: &Account, frozen: &Frozen) -> Result<Published, Failure> {
    let body = written(frozen)?.body.get().to_owned();
    let sent: Sent = serde_json::from_str(&body).map_err(unreadable)?;
    let answer = api.post_text("tweets", body).await;
    account.charges.add_call(charge(&sent.text), &answer);
    created(account, answer)
}

/// What X charges for a post with this text. An address at a domain that X does not know is none for it, as far as we know it;
/// it is taken for one, because that is dearer.
fn charge(text: &str) -> &'static str {
    let has_link = text.contains("://") || !text::links(text, Count::Weighted.dialect()).is_empty();
    if has_link { x::POST_WITH_LINK } else { x::POST }
}

/// The post that X says it made.
pub(super) fn created(account: &Account, answer: Result<Answer, CallError>) -> Result<Published, Failure> {
    let created: Created = read(Phase::Commit, answer)?;
    published(account, created.data.id)
        .ok_or_else(|| Failure::new(ErrorClass::OutcomeUnknown, "the answer names no post"))
}

fn published(account: &Account, id: String) -> Option<Published> {
    is_id(&id).then(|| Published { url: url(account, &id), external_id: id, cid: None })
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    data: Vec<Shown>,
    /// Without it the answer proves nothing.
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    result_count: usize,
    #[serde(default)]
    next_token: Option<String>,
}

/// What of the frozen body is found again.
#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    text: String,
    #[serde(default)]
    media: SentMedia,
    #[serde(default)]
    reply: Option<SentReply>,
}

#[derive(Default, Deserialize)]
struct SentMedia {
    media_ids: Vec<String>,
}

#[derive(Deserialize)]
struct SentReply {
    in_reply_to_tweet_id: String,
}

/// Looks for the post among those of the account since it was written down. The first one like it is ours.
pub(super) async fn look(api: &Api<'_>, account: &Account, sought: Sought<'_>) -> Result<Found, Failure> {
    let written = written(sought.frozen)?;
    let sent: Sent = serde_json::from_str(written.body.get()).map_err(unreadable)?;
    let window = Window::new(since_1970(written.at), sought.drafted);
    let mut since = window.guess();
    let mut start = time(since);
    let mut is_told = false;
    if !is_id(&account.external_id) {
        return Err(Failure::new(ErrorClass::Config, "the account has no id of X"));
    }
    let path = format!("users/{}/tweets", account.external_id);
    let mut seen = vec![];
    let mut token = None;
    for _ in 0..MAX_PAGES {
        // What is older is not read, because each post that is read costs something.
        let mut params = vec![
            ("max_results", "100"),
            ("start_time", start.as_str()),
            ("tweet.fields", "attachments,created_at,entities,referenced_tweets"),
        ];
        params.extend(token.as_deref().map(|token| ("pagination_token", token)));
        let answer = api.get(&path, &params).await;
        let told = window.told(answered_at(&answer)).filter(|_| !is_told);
        let page: Page = read(Phase::Read, answer)?;
        account.charges.add(x::OWN_POST_READ, page.data.len().try_into().unwrap_or(u64::MAX));
        if let Some(begin) = told {
            is_told = true;
            // What was asked for is later than it ought to be: our clock is ahead.
            let is_late = begin < since;
            since = begin;
            if is_late {
                start = time(since);
                continue;
            }
        }
        if page.data.len() != page.meta.result_count {
            return Err(Failure::new(ErrorClass::Transient, "the list of posts is not whole"));
        }
        seen.extend(like(&sent, since, page.data)?);
        token = page.meta.next_token;
        if token.is_none() {
            let first = earliest(seen, sought.others).await?;
            return Ok(match first.and_then(|id| published(account, id)) {
                Some(published) => Found::Same(published),
                None => Found::Absent,
            });
        }
    }
    Err(Failure::new(ErrorClass::Transient, "there are too many newer posts to look through"))
}

/// A time as X takes it.
fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

/// The first one that is not another's.
async fn earliest(
    mut seen: Vec<(SystemTime, String)>,
    others: &dyn Others,
) -> Result<Option<String>, Failure> {
    let taken = others.taken(seen.iter().map(|(_, id)| id.clone()).collect()).await?;
    seen.sort_unstable();
    Ok(seen.into_iter().map(|(_, id)| id).find(|id| !taken.contains(id)))
}

/// Those that are what was sent.
fn like(sent: &Sent, since: SystemTime, page: Vec<Shown>) -> Result<Vec<(SystemTime, String)>, Failure> {
    let media: Vec<_> = sent.media.media_ids.iter().map(String::as_str).collect();
    let answers = sent.reply.as_ref().map(|reply| reply.in_reply_to_tweet_id.as_str());
    // Media decide by themselves; a text can stand in several places.
    let fits =
        |shown: &Shown| shown.is(&sent.text, &media) && (!media.is_empty() || shown.answers() == answers);
    let mut like = vec![];
    for shown in page.into_iter().filter(fits) {
        let at = shown.created_at()?;
        if at >= since {
            like.push((at, shown.id));
        }
    }
    Ok(like)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use serde_json::json;

    fn drafted(content: &str, settings: Value, prepared: &Value) -> Result<Frozen, Failure> {
        let post = Post { content: content.into(), media: json!([]), settings, attempt: 1, reply_to: None };
        draft(&post, prepared, "k".into(), since_1970(1_795_000_000))
    }

    #[test]
    fn the_post_says_what_was_asked() {
        let all = json!({
            "reply_settings": "mentionedUsers", "poll": { "options": ["a", "b"], "minutes": 5 },
            "made_with_ai": true, "paid_partnership": true,
        });
        let frozen = drafted("hi \"you\"", all, &Value::Null).unwrap();
        assert_eq!(
            frozen.request,
            r#"{"at":1795000000,"body":{"text":"hi \"you\"","poll":{"options":["a","b"],"duration_minutes":5},"reply_settings":"mentionedUsers","made_with_ai":true,"paid_partnership":true}}"#
        );
        let upload = json!({ "id": "11", "expires_at": 1, "stage": "ready" });
        let frozen = drafted("", json!({}), &json!({ "uploads": [upload] })).unwrap();
        assert_eq!(frozen.request, r#"{"at":1795000000,"body":{"media":{"media_ids":["11"]}}}"#);
        assert_eq!(
            drafted("hi", json!({ "quote": 1 }), &Value::Null).unwrap_err().class,
            ErrorClass::ContentInvalid
        );
    }

    #[test]
    fn what_may_be_a_link_is_charged_as_one() {
        for text in ["see https://a.com", "a.com", "https://a.example", "http://localhost"] {
            assert_eq!(charge(text), x::POST_WITH_LINK, "{text}");
        }
        for text in ["", "a. com", "@alice #tag 1.5", "a.example"] {
            assert_eq!(charge(text), x::POST, "{text}");
        }
    }

    #[test]
    fn an_answer_is_told_from_the_same_text_elsewhere() {
        let post = Post {
            content: "hi".into(),
            media: json!([]),
            settings: json!({}),
            attempt: 1,
            reply_to: Some("https://x.com/alice/status/7".into()),
        };
        let frozen = draft(&post, &Value::Null, "k".into(), since_1970(1_795_000_000)).unwrap();
        assert!(frozen.request.contains(r#""reply":{"in_reply_to_tweet_id":"7"}"#), "{}", frozen.request);
        let sent: Sent = serde_json::from_str(written(&frozen).unwrap().body.get()).unwrap();
        let shown = |id: &str, answers: Value| {
            let tweet = json!({ "id": id, "text": "hi", "created_at": "2026-11-18T11:06:50Z", "referenced_tweets": answers });
            serde_json::from_value::<Shown>(tweet).unwrap()
        };
        let to = |id: &str| json!([{ "type": "quoted", "id": "7" }, { "type": "replied_to", "id": id }]);
        let page = vec![shown("1", json!([])), shown("2", to("8")), shown("3", to("7"))];
        let found: Vec<_> = like(&sent, UNIX_EPOCH, page).unwrap().into_iter().map(|(_, id)| id).collect();
        assert_eq!(found, ["3"]);
        let odd = Post { reply_to: Some("seven".into()), ..post };
        let refused = draft(&odd, &Value::Null, "k".into(), since_1970(1)).unwrap_err();
        assert_eq!(refused.class, ErrorClass::ContentInvalid);
    }

    #[test]
    fn the_stored_bytes_are_what_is_sent() {
        // Neither the order of the keys nor the spaces are ours.
        let frozen = Frozen { key: "k".into(), request: r#"{"body": {"z": 1,  "a": 1.0}, "at": 7}"#.into() };
        let written = written(&frozen).unwrap();
        assert_eq!((written.at, written.body.get()), (7, r#"{"z": 1,  "a": 1.0}"#));
    }
}
