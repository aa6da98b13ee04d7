//! The note: written down once, sent as it was written, looked for among the account's own.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::misskey::{self, Visibility, is_id};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, read};
use super::prepare;
use crate::providers::answer::{Fields, Phase};
use crate::providers::key::made_at;
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page, search};
use crate::providers::window::{Window, answered_at};
use crate::providers::{Failure, Found, Frozen, Post, Published, Sought};

/// How many notes are asked for at once, and how often.
const PAGE: usize = 100;
const MAX_PAGES: usize = 8;
/// So much earlier than the note can be there the list begins: the server's clock may be another.
const SLACK: Duration = Duration::from_secs(10 * 60);

/// The body of a note. Read back, it tells a look what was sent.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cw: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    local_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    file_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_id: Option<String>,
}

/// Writes the note down.
pub(super) fn draft(post: &Post, prepared: &Value, key: String) -> Result<Frozen, Failure> {
    let wrong = |why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for misskey {why}"));
    let settings = misskey::settings(&post.settings).map_err(wrong)?;
    let prepared = prepare::parse(prepared);
    let body = Body {
        text: post.content.clone(),
        cw: settings.cw.filter(|cw| !cw.is_empty()),
        visibility: settings.visibility.map(Visibility::as_str).map(str::to_owned),
        local_only: settings.local_only,
        file_ids: prepared.files,
        reply_id: prepared.reply,
    };
    let request = serde_json::to_string(&body)
        .map_err(|_| Failure::new(ErrorClass::ContentInvalid, "the note can't be written as JSON"))?;
    Ok(Frozen { key, request })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    created_note: Id,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// Sends the stored bytes.
pub(super) async fn commit(api: &Api<'_>, frozen: &Frozen) -> Result<Published, Failure> {
    let answer = api.call_text("notes/create", &frozen.request).await;
    let Fields(created): Fields<Created> = read(Phase::Commit, answer)?;
    published(api.base_url, &created.created_note.id)
        .ok_or_else(|| Failure::new(ErrorClass::OutcomeUnknown, "the answer names no note"))
}

fn published(base_url: &str, id: &str) -> Option<Published> {
    let url = format!("{base_url}/notes/{id}");
    is_id(id).then(|| Published { external_id: id.to_owned(), url, cid: None })
}

/// A note as the server shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    created_at: String,
    #[serde(default)]
    updated_at: Value,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    cw: Option<String>,
    #[serde(default)]
    file_ids: Vec<String>,
    #[serde(default)]
    reply_id: Option<String>,
    #[serde(default)]
    renote_id: Value,
}

impl Shown {
    fn listed(&self, base_url: &str, sent: &Body) -> Listed {
        Listed {
            at: humantime::parse_rfc3339(&self.created_at).ok(),
            likeness: self.likeness(base_url, sent),
        }
    }

    fn likeness(&self, base_url: &str, sent: &Body) -> Likeness {
        let alike = || Likeness::Alike(self.id.clone());
        if !self.renote_id.is_null() || self.reply_id != sent.reply_id {
            return Likeness::Different;
        }
        let text = |text: &Option<String>| trim(text.as_deref().unwrap_or_default()).to_owned();
        let same_text = text(&self.text) == trim(&sent.text) && text(&self.cw) == text(&sent.cw);
        let same_files = self.file_ids == sent.file_ids;
        match (same_text, same_files) {
            (true, true) => published(base_url, &self.id).map_or_else(alike, Likeness::Same),
            // No other note has our files. Some servers let a note be edited.
            (false, true) if !sent.file_ids.is_empty() || !self.updated_at.is_null() => alike(),
            // they may have been taken off
            (true, false) if self.file_ids.is_empty() || !self.updated_at.is_null() => alike(),
            _ => Likeness::Different,
        }
    }
}

/// Servers trim a text, of what is a space to JavaScript: also a byte order mark.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// The account's notes since it was written down.
struct Notes<'a> {
    api: &'a Api<'a>,
    account: &'a str,
    sent: Body,
    window: Window,
}

impl Notes<'_> {
    /// Some notes after a time or a note, the oldest first: so it is a question to the database, not to a cache.
    async fn after(&self, list: List, since: &Value) -> Result<(Vec<Shown>, Option<SystemTime>), Failure> {
        let mut asked =
            json!({ "userId": self.account, "limit": PAGE, "withReplies": true, "withRenotes": false });
        if list == List::WithChannels {
            asked["withChannelNotes"] = json!(true);
        }
        asked[if since.is_u64() { "sinceDate" } else { "sinceId" }] = since.clone();
        let answer = self.api.call("users/notes", &asked).await;
        let at = answered_at(&answer);
        let notes: Vec<Fields<Shown>> = read(Phase::Read, answer)?;
        Ok((notes.into_iter().map(|Fields(shown)| shown).collect(), at))
    }

    /// All of a list, and what time it was at the server.
    async fn all(&self, list: List) -> Result<(Vec<Shown>, Option<SystemTime>), Failure> {
        let mut begin = earlier(self.window.guess());
        let (mut page, answered_at) = self.after(list, &millis(begin)).await?;
        // What was asked for is later than it ought to be: our clock is ahead.
        if let Some(told) = self.window.told(answered_at).filter(|told| *told < begin) {
            begin = earlier(told);
            page = self.after(list, &millis(begin)).await?.0;
        }
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let is_last = page.len() < PAGE;
            let last = page.last().map(|note| note.id.clone());
            all.extend(page);
            let (false, Some(last)) = (is_last, last) else { return Ok((all, answered_at)) };
            if all.first().map(|note| &note.created_at) > all.last().map(|note| &note.created_at) {
                break;
            }
            page = self.after(list, &json!(last)).await?.0;
        }
        let message = "the account has more notes since then than are looked through";
        Err(Failure::new(ErrorClass::Transient, message))
    }
}

#[async_trait]
impl OwnPosts for Notes<'_> {
    type Cursor = ();

    /// All of them as one page.
    async fn page(&self, _next: Option<()>) -> Result<Page<()>, Failure> {
        let (mut all, answered_at) = self.all(List::Plain).await?;
        // An answer is in the channel of what it answers, where that is in one.
        if self.sent.reply_id.is_some() {
            let known: HashSet<_> = all.iter().map(|note| note.id.clone()).collect();
            let more = self.all(List::WithChannels).await?.0;
            all.extend(more.into_iter().filter(|note| !known.contains(&note.id)));
        }
        let mut listed: Vec<_> = all.iter().map(|note| note.listed(self.api.base_url, &self.sent)).collect();
        // one that tells no time counts as new
        listed.sort_by_key(|one| Reverse(one.at.unwrap_or(SystemTime::now())));
        Ok(Page { listed, answered_at, next: None })
    }
}

/// Which list of the account's notes. The one with those in channels has all others too on Misskey, and on some servers not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Plain,
    WithChannels,
}

fn earlier(at: SystemTime) -> SystemTime {
    at.checked_sub(SLACK).unwrap_or(UNIX_EPOCH)
}

fn millis(at: SystemTime) -> Value {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!(u64::try_from(since.as_millis()).unwrap_or_default())
}

/// Looks for the note among the account's own.
pub(super) async fn look(api: &Api<'_>, account: &str, sought: Sought<'_>) -> Result<Found, Failure> {
    let unreadable = |_| Failure::new(ErrorClass::Config, "the stored request is not a note of this version");
    let sent: Body = serde_json::from_str(&sought.frozen.request).map_err(unreadable)?;
    let window = Window::new(made_at(sought.frozen)?, sought.drafted);
    let notes = Notes { api, account, sent, window };
    let found = search(&notes, sought).await?;
    match &notes.sent.reply_id {
        Some(answered) if found == Found::Absent => {
            lists_answers_to(api, account, answered).await.map(|()| found)
        }
        _ => Ok(found),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    user_id: String,
}

/// Fails where the answered note is somebody else's: all lists leave out answers, also one's own, to whom the account has muted, to who
/// has blocked it, is suspended or on a server that is muted or blocked. That none is there proves nothing then.
async fn lists_answers_to(api: &Api<'_>, account: &str, note: &str) -> Result<(), Failure> {
    let answer = api.call("notes/show", &json!({ "noteId": note })).await;
    let Fields(Answered { user_id }) = read(Phase::Read, answer)?;
    if user_id == account {
        return Ok(());
    }
    let message = "the server shows no such answer, and would not show one to somebody who is muted or blocked either: only a \
                   person can find out";
    Err(Failure::new(ErrorClass::Transient, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(content: &str, settings: Value) -> Post {
        Post { content: content.into(), media: json!([]), settings, attempt: 1, reply_to: None }
    }

    #[test]
    fn the_body_says_what_was_asked() {
        let all = json!({ "visibility": "home", "cw": "cw", "local_only": true, "sensitive": true });
        let prepared = json!({ "is_asked": true, "reply": "7", "files": ["f1", "f2"] });
        let frozen = draft(&post("hi", all), &prepared, "k".into()).unwrap();
        assert_eq!(
            frozen.request,
            r#"{"text":"hi","cw":"cw","visibility":"home","localOnly":true,"fileIds":["f1","f2"],"replyId":"7"}"#
        );
        assert_eq!(
            draft(&post("hi", json!({})), &Value::Null, "k".into()).unwrap().request,
            r#"{"text":"hi"}"#
        );
        let refused = draft(&post("hi", json!({ "visibility": "all" })), &Value::Null, "k".into());
        assert_eq!(refused.unwrap_err().class, ErrorClass::ContentInvalid);
    }

    #[test]
    fn text_warning_files_and_what_is_answered_make_a_note_ours() {
        let sent = Body {
            text: " hi\n".into(),
            cw: Some("cw".into()),
            file_ids: vec!["f".into()],
            ..Body::default()
        };
        let plain = Body { text: "hi".into(), ..Body::default() };
        let of = |changes: Value| {
            let mut note = json!({ "id": "9", "createdAt": "2026-11-18T11:06:40.000Z", "text": "hi", "cw": "cw",
                                   "fileIds": ["f"], "replyId": null, "renoteId": null });
            for (name, value) in changes.as_object().unwrap() {
                note[name] = value.clone();
            }
            serde_json::from_value::<Shown>(note).unwrap()
        };
        let like = |changes: Value, sent: &Body| of(changes).likeness("https://a.example", sent);
        let same = published("https://a.example", "9").unwrap();
        assert_eq!(like(json!({}), &sent), Likeness::Same(same.clone()));
        assert_eq!(like(json!({ "cw": null, "fileIds": [] }), &plain), Likeness::Same(same.clone()));
        let marked = Body { text: "\u{feff} hi\u{feff}\n".into(), ..Body::default() };
        assert_eq!(like(json!({ "cw": null, "fileIds": [] }), &marked), Likeness::Same(same));
        let edited = json!("2026-11-18T11:07:00Z");
        for changes in [
            json!({ "text": "ho" }),
            json!({ "fileIds": [] }),
            json!({ "fileIds": ["x"], "updatedAt": edited }),
        ] {
            assert_eq!(like(changes.clone(), &sent), Likeness::Alike("9".into()), "{changes}");
        }
        for changes in [
            json!({ "replyId": "7" }),
            json!({ "renoteId": "7" }),
            json!({ "fileIds": ["x"] }),
            json!({ "text": "ho", "fileIds": [] }),
        ] {
            assert_eq!(like(changes.clone(), &sent), Likeness::Different, "{changes}");
        }
        assert_eq!(like(json!({ "cw": null }), &plain), Likeness::Different);
        assert_eq!(like(json!({ "cw": null, "fileIds": [], "text": "ho" }), &plain), Likeness::Different);
    }
}
