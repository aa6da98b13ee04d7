//! Looks among the account's own posts for one that was sent.
//!
//! It is ours if it is not older than the key, answers the same post, and has the text, the warning and the media that were
//! sent. Whatever leaves a doubt is an error or `Found::Other`: only a list that was read far enough back proves that nothing
//! is there.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::api::{Api, Id, STATUSES, Shown, read};
use super::publish::{Body, body, there};
use crate::providers::answer::{Phase, time};
use crate::providers::key::made_at;
use crate::providers::window::{Window, answered_at};
use crate::providers::{Failure, Found, Others, Published, Sought};

/// How many pages are read at most.
const MAX_PAGES: usize = 5;
const PAGE: usize = 40;
/// How long a look may take, all its calls together.
const LOOK: Duration = Duration::from_secs(2 * 60);

/// A post in the list of an account's posts.
#[derive(Debug, Deserialize)]
struct Listed {
    #[serde(flatten)]
    shown: Shown,
    created_at: String,
    #[serde(default)]
    edited_at: Value,
    #[serde(default)]
    reblog: Value,
    #[serde(default)]
    in_reply_to_id: Value,
    #[serde(default)]
    media_attachments: Vec<Attached>,
    #[serde(default)]
    poll: Value,
}

#[derive(Debug, Deserialize)]
struct Attached {
    id: Id,
}

impl Listed {
    fn answers(&self, sent: &Body) -> bool {
        serde_json::from_value::<Option<Id>>(self.in_reply_to_id.clone())
            .is_ok_and(|id| id == sent.in_reply_to_id)
    }
}

/// A text as its author wrote it.
#[derive(Debug, Deserialize)]
struct Source {
    text: String,
    #[serde(default)]
    spoiler_text: String,
}

/// How a listed post compares with what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Same,
    /// It could be ours: changed since, or on a server that gives media other ids, or leaves out without a word what is gone.
    Alike,
    /// It could be ours if what was answered is gone: then it answers nothing any more.
    Orphan,
    Different,
}

pub(super) async fn look(server: &Api<'_>, account: &str, sought: Sought<'_>) -> Result<Found, Failure> {
    let late = |_| Failure::new(ErrorClass::Transient, "the look at the account's posts took too long");
    tokio::time::timeout(LOOK, search(server, account, sought)).await.map_err(late)?
}

async fn search(server: &Api<'_>, account: &str, sought: Sought<'_>) -> Result<Found, Failure> {
    let sent = body(sought.frozen)?;
    let written = made_at(sought.frozen)?;
    let account = Id::parse(account)
        .ok_or_else(|| Failure::new(ErrorClass::Config, "the account's id is not one of Mastodon"))?;
    let window = Window::new(written, sought.drafted);
    let mut made = None;
    let mut seen = Seen::default();
    let mut before: Option<Id> = None;
    for _ in 0..MAX_PAGES {
        let (page, answered_at) = page(server, &account, before.as_ref()).await?;
        let made = *made.get_or_insert_with(|| window.begin(answered_at));
        for listed in page.iter().filter(|listed| is_candidate(listed, &sent, made)) {
            let source = source(server, &listed.shown.id).await?;
            match compare(listed, &source, &sent) {
                Likeness::Same => seen.same.push(there(&listed.shown)?),
                Likeness::Alike => seen.alike.push(listed.shown.id.as_str().to_owned()),
                Likeness::Orphan => seen.orphans.push(listed.shown.id.as_str().to_owned()),
                Likeness::Different => {}
            }
        }
        match page.last() {
            Some(last) if !is_older(last, made) => before = Some(last.shown.id.clone()),
            _ => return seen.found(server, &sent, sought.others).await,
        }
    }
    match seen.found(server, &sent, sought.others).await? {
        Found::Same(published) => Ok(Found::Same(published)),
        _ => {
            let message = "the account has more posts since then than are looked through";
            Err(Failure::new(ErrorClass::Transient, message))
        }
    }
}

/// What was seen that is, or could be, what was sent; newest first.
#[derive(Default)]
struct Seen {
    same: Vec<Published>,
    alike: Vec<String>,
    orphans: Vec<String>,
}

impl Seen {
    /// What of it is not another's.
    async fn found(self, server: &Api<'_>, sent: &Body, others: &dyn Others) -> Result<Found, Failure> {
        let same = self.same.iter().map(|post| &post.external_id);
        let ids: Vec<_> = same.chain(&self.alike).chain(&self.orphans).cloned().collect();
        let taken = others.taken(ids).await?;
        // Of several equal posts, the earliest answers the earliest try.
        let earliest = self.same.into_iter().rfind(|post| !taken.contains(&post.external_id));
        if let Some(earliest) = earliest {
            return Ok(Found::Same(earliest));
        }
        let free = |ids: &[String]| ids.iter().any(|id| !taken.contains(id));
        let is_doubtful =
            free(&self.alike) || free(&self.orphans) && is_gone(server, sent.in_reply_to_id.as_ref()).await?;
        Ok(if is_doubtful { Found::Other } else { Found::Absent })
    }
}

/// The posts before this one, or the newest, newest first. A post in it that can't be read could be ours: then nothing is told.
async fn page(
    server: &Api<'_>,
    account: &Id,
    before: Option<&Id>,
) -> Result<(Vec<Listed>, Option<SystemTime>), Failure> {
    let before = before.map(|id| format!("&max_id={}", id.as_str())).unwrap_or_default();
    let path = format!("api/v1/accounts/{}/statuses?limit={PAGE}{before}", account.as_str());
    let answer = server.get(&path).await;
    let answered_at = answered_at(&answer);
    Ok((read(Phase::Read, answer)?, answered_at))
}

async fn source(server: &Api<'_>, id: &Id) -> Result<Source, Failure> {
    read(Phase::Read, server.get(&format!("api/v1/statuses/{}/source", id.as_str())).await)
}

/// Whether the server has what was answered no longer.
async fn is_gone(server: &Api<'_>, answered: Option<&Id>) -> Result<bool, Failure> {
    let Some(id) = answered else { return Ok(false) };
    match read::<IgnoredAny>(Phase::Read, server.get(&format!("{STATUSES}/{}", id.as_str())).await) {
        Ok(_) => Ok(false),
        Err(failure) if failure.class == ErrorClass::TargetMissing => Ok(true),
        Err(failure) => Err(failure),
    }
}

fn is_older(listed: &Listed, than: SystemTime) -> bool {
    time(&listed.created_at).is_some_and(|at| at < than)
}

/// Whether it is worth a call to ask for its text.
fn is_candidate(listed: &Listed, sent: &Body, made: SystemTime) -> bool {
    !is_older(listed, made)
        && listed.reblog.is_null()
        && (listed.answers(sent) || listed.in_reply_to_id.is_null() && sent.in_reply_to_id.is_some())
}

fn compare(listed: &Listed, source: &Source, sent: &Body) -> Likeness {
    let answers = listed.answers(sent);
    let doubt = if answers { Likeness::Alike } else { Likeness::Orphan };
    let same_kind = listed.poll.is_null() == sent.poll.is_none()
        && listed.media_attachments.len() == sent.media_ids.len();
    let same_media = listed.media_attachments.iter().map(|media| &media.id).eq(&sent.media_ids);
    let same_text = expected(sent) == (source.text.trim(), source.spoiler_text.trim());
    match (same_text, same_kind) {
        (true, true) if same_media && answers => Likeness::Same,
        (true, _) => doubt,
        (false, true) if !listed.edited_at.is_null() => doubt,
        (false, _) => Likeness::Different,
    }
}

/// Text and warning as servers store them: without space around them, and a warning of nothing as the text.
fn expected(sent: &Body) -> (&str, &str) {
    let (text, warning) = (sent.status.trim(), sent.spoiler_text.as_deref().unwrap_or_default().trim());
    if text.is_empty() { (warning, "") } else { (text, warning) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listed(changes: &[(&str, Value)]) -> Listed {
        let mut post = json!({
            "id": "1", "created_at": "2026-11-18T11:06:40.000Z", "url": "https://a.example/@b/1", "edited_at": null,
            "reblog": null, "in_reply_to_id": null, "poll": null, "media_attachments": [{"id": "7"}],
        });
        for (name, value) in changes {
            post[name] = value.clone();
        }
        serde_json::from_value(post).unwrap()
    }

    fn sent(text: &str, warning: Option<&str>) -> Body {
        let media_ids = vec![Id::parse("7").unwrap()];
        Body { status: text.into(), spoiler_text: warning.map(str::to_owned), media_ids, ..Body::default() }
    }

    #[test]
    fn only_new_posts_of_the_same_kind_are_read() {
        let made = time("2026-11-18T11:06:40Z").unwrap();
        let is = |changes: &[(&str, Value)]| is_candidate(&listed(changes), &sent("x", None), made);
        assert!(is(&[]));
        // a time nobody can read is no reason to pass a post over
        assert!(is(&[("created_at", json!("yesterday"))]));
        for (name, value) in [
            ("created_at", json!("2026-11-18T11:06:39.999Z")),
            ("reblog", json!({"id": "2"})),
            ("in_reply_to_id", json!("2")),
        ] {
            assert!(!is(&[(name, value.clone())]), "{name} {value}");
        }
    }

    #[test]
    fn an_answer_is_told_from_the_same_text_elsewhere() {
        let made = time("2026-11-18T11:06:40Z").unwrap();
        let answer = Body { in_reply_to_id: Id::parse("2"), ..sent("hi", None) };
        let source = Source { text: "hi".into(), spoiler_text: String::new() };
        let of = |id: Value| listed(&[("in_reply_to_id", id)]);
        assert!(
            is_candidate(&of(json!("2")), &answer, made) && !is_candidate(&of(json!("3")), &answer, made)
        );
        assert_eq!(compare(&of(json!("2")), &source, &answer), Likeness::Same);
        // the post that it answered may be gone
        assert!(is_candidate(&of(Value::Null), &answer, made));
        assert_eq!(compare(&of(Value::Null), &source, &answer), Likeness::Orphan);
    }

    #[test]
    fn text_warning_and_media_make_a_post_ours() {
        let source = |text: &str, warning: &str| Source { text: text.into(), spoiler_text: warning.into() };
        let (as_sent, plain) = (sent(" hi\n", Some("cw ")), listed(&[]));
        let edited = listed(&[("edited_at", json!("2026-11-18T11:07:00Z"))]);
        let others = listed(&[("media_attachments", json!([{"id": 8}]))]);
        // a server that knows an image no longer can leave it out, and one without polls a poll
        let fewer = listed(&[("media_attachments", json!([]))]);
        let edited_fewer =
            listed(&[("media_attachments", json!([])), ("edited_at", json!("2026-11-18T11:07:00Z"))]);
        let asking = listed(&[("poll", json!({"id": "2"}))]);
        for (listed, source, likeness) in [
            (&plain, source("hi", "cw"), Likeness::Same),
            (&edited, source("hi", "cw"), Likeness::Same),
            (&others, source("hi", "cw"), Likeness::Alike),
            (&fewer, source("hi", "cw"), Likeness::Alike),
            (&asking, source("hi", "cw"), Likeness::Alike),
            (&fewer, source("hi!", "cw"), Likeness::Different),
            (&edited_fewer, source("hi!", "cw"), Likeness::Different),
            (&asking, source("hi!", "cw"), Likeness::Different),
            (&plain, source("hi!", "cw"), Likeness::Different),
            (&plain, source("hi", ""), Likeness::Different),
            (&edited, source("hi!", "cw"), Likeness::Alike),
        ] {
            assert_eq!(compare(listed, &source, &as_sent), likeness, "{listed:?} {source:?}");
        }
        assert_eq!(compare(&plain, &source("cw", ""), &sent(" ", Some("cw"))), Likeness::Same);
    }

    #[test]
    fn a_list_is_read_as_a_whole_or_not_at_all() {
        for odd in [
            json!({"id": "1"}),
            json!({"created_at": "x"}),
            json!({"id": "a/b", "created_at": "x"}),
            json!(1),
        ] {
            assert!(serde_json::from_value::<Vec<Listed>>(json!([odd])).is_err(), "{odd}");
        }
    }
}
