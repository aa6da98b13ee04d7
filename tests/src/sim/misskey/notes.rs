//! Notes: made, listed, reacted to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{Answered, Misskey, NO_SUCH_NOTE, Refused, Sent};
use crate::sim::kit::{Common, NewPost, Post};
use crate::sim::ledger::rfc3339;

const MAX_WARNING: usize = 100;
const MAX_FILES: usize = 16;

fn millis(at: SystemTime) -> u128 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// As JavaScript has it, to which a byte order mark is a space.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\u{feff}' || c.is_whitespace() && c != '\u{85}')
}

fn node(common: &Common, note: &Post) -> Value {
    let mut node = note.more.clone();
    let answers = common.shelf.newest().filter(|other| other.more["replyId"] == json!(note.id)).count();
    let fields = json!({
        "id": note.id, "createdAt": rfc3339(note.at), "userId": note.account, "renoteId": null,
        "repliesCount": answers, "renoteCount": 0,
        "text": if note.text.is_empty() { Value::Null } else { json!(note.text) },
    });
    if let (Value::Object(node), Value::Object(fields)) = (&mut node, fields) {
        node.extend(fields);
    }
    node
}

impl Misskey {
    pub(super) fn create(&mut self, common: &mut Common, account: &str, sent: &Sent, base: &str) -> Answered {
        let text = trim(sent.text("text"));
        if text.chars().count() as u64 > self.max_text || sent.text("cw").chars().count() > MAX_WARNING {
            return Err(Refused::invalid("must NOT have more characters"));
        }
        if !["", "public", "home", "followers", "specified"].contains(&sent.text("visibility")) {
            return Err(Refused::invalid("visibility"));
        }
        let ids: Vec<_> = sent.object["fileIds"].as_array().into_iter().flatten().collect();
        if ids.len() > MAX_FILES || sent.object.get("fileIds").is_some() && ids.is_empty() {
            return Err(Refused::invalid("fileIds"));
        }
        let file = |id: &&Value| {
            let (owner, image) = self.files.get(id.as_str().unwrap_or_default())?;
            (owner == account).then(|| image.clone())
        };
        let images: Option<Vec<_>> = ids.iter().map(file).collect();
        let images =
            images.ok_or(Refused(StatusCode::BAD_REQUEST, "NO_SUCH_FILE", "Some files are not found."))?;
        if text.is_empty() && images.is_empty() {
            return Err(Refused(StatusCode::BAD_REQUEST, "CONTENT_REQUIRED", "Content required."));
        }
        let answered = sent.object["replyId"].as_str();
        let under = answered.map(|id| {
            let missing = Refused(StatusCode::BAD_REQUEST, "NO_SUCH_REPLY_TARGET", "No such reply target.");
            common.shelf.find(id).map(|note| note.uri.clone()).ok_or(missing)
        });
        // an answer is where that is which it answers
        let channel = |id: &str| common.shelf.find(id).map(|note| note.more["channelId"].clone());
        let channel = answered.and_then(channel).unwrap_or_else(|| sent.object["channelId"].clone());
        // ids are sorted by time
        let id = format!("{:013}{:06}", millis(SystemTime::now()), common.shelf.next_number());
        let note = common.shelf.publish(NewPost {
            id: id.clone(),
            key: id.clone(),
            account: account.to_owned(),
            handle: common.accounts.handle_of(account).to_owned(),
            text: text.to_owned(),
            uri: format!("{base}/notes/{id}"),
            reply_to: under.transpose()?,
            images,
            more: json!({
                "cw": sent.object["cw"], "visibility": sent.object["visibility"].as_str().unwrap_or("public"),
                "localOnly": sent.object["localOnly"] == true, "fileIds": ids, "replyId": answered, "reactions": {},
                "channelId": channel, "reactedBy": [],
            }),
        });
        Ok(json!({"createdNote": node(common, &note)}))
    }

    /// After a time or a note: the oldest first. Otherwise the newest first. It leaves out what is in a channel, unless that is asked
    /// for, and answers to whom one has muted, also one's own.
    pub(super) fn list(&self, common: &Common, sent: &Sent) -> Value {
        let limit = sent.object["limit"].as_u64().unwrap_or(10).clamp(1, 100);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let own = common.shelf.newest().filter(|note| note.account == sent.text("userId"));
        let since =
            sent.object["sinceDate"].as_u64().map(|millis| UNIX_EPOCH + Duration::from_millis(millis));
        let (after, until) = (sent.text("sinceId"), sent.text("untilId"));
        let with_channels = sent.object["withChannelNotes"] == true;
        let answers_muted = |note: &Post| {
            let answered = note.more["replyId"].as_str().and_then(|id| common.shelf.find(id));
            answered.is_some_and(|answered| self.mutes.contains(&answered.account))
        };
        let fits = |note: &&Post| {
            let is_in_channel = note.more["channelId"].is_string();
            let is_listed = if with_channels { is_in_channel || !self.only_channels } else { !is_in_channel };
            is_listed
                && !answers_muted(note)
                && since.is_none_or(|since| note.at > since)
                && note.id.as_str() > after
                && (until.is_empty() || note.id.as_str() < until)
        };
        let mut found: Vec<_> = own.filter(fits).map(|note| node(common, note)).collect();
        if since.is_some() || !after.is_empty() {
            found.reverse();
        }
        found.truncate(limit);
        json!(found)
    }

    pub(super) fn show(common: &Common, sent: &Sent) -> Answered {
        common.shelf.read(sent.text("noteId")).map(|note| node(common, note)).ok_or(NO_SUCH_NOTE)
    }

    pub(super) fn delete(common: &mut Common, account: &str, sent: &Sent) -> Answered {
        let id = sent.text("noteId");
        let note = common.shelf.find(id).ok_or(NO_SUCH_NOTE)?;
        if note.account != account {
            return Err(Refused(StatusCode::BAD_REQUEST, "ACCESS_DENIED", "Access denied."));
        }
        common.shelf.remove(id);
        Ok(Value::Null)
    }

    pub(super) fn react(common: &mut Common, account: &str, sent: &Sent) -> Answered {
        let note = common.shelf.find_mut(sent.text("noteId")).ok_or(NO_SUCH_NOTE)?;
        let (kind, by) = (sent.text("reaction"), json!(account));
        let reacted = note.more["reactedBy"].as_array().is_some_and(|all| all.contains(&by));
        if reacted {
            let message = "You are already reacting to that note.";
            return Err(Refused(StatusCode::BAD_REQUEST, "ALREADY_REACTED", message));
        }
        if let Some(all) = note.more["reactedBy"].as_array_mut() {
            all.push(by);
        }
        let count = note.more["reactions"][kind].as_u64().unwrap_or_default();
        note.more["reactions"][kind] = json!(count + 1);
        Ok(Value::Null)
    }

    /// A note by its address, wherever it is. Nothing is elsewhere here.
    pub(super) fn resolve(common: &Common, sent: &Sent) -> Answered {
        let missing = Refused(StatusCode::BAD_REQUEST, "NO_SUCH_OBJECT", "No such object.");
        let note = common.shelf.newest().find(|note| note.uri == sent.text("uri")).ok_or(missing)?;
        Ok(json!({"type": "Note", "object": node(common, note)}))
    }
}
