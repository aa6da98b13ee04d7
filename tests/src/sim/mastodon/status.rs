//! Statuses: published under a key or without, read back and listed.

mod actions;

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use hyper::StatusCode;
use serde_json::{Value, json};

use super::account::Account;
use super::instance::{MAX_CHARACTERS, MAX_MEDIA};
use super::parameters::{Parameters, to_number};
use super::poll::Poll;
use super::settings::Keys;
use super::text::{self, Entity};
use super::{NAME, Refused, State, id_of};
use crate::sim::ledger::{Entry, Ledger, rfc3339};
use crate::sim::{OnItsWay, Visible};

const VISIBILITIES: [&str; 4] = ["public", "unlisted", "private", "direct"];
/// How many statuses a list has unless told otherwise; twice as many are the most.
const PAGE: u64 = 20;

/// One status.
pub(super) struct Status {
    id: u64,
    pub(super) account: u64,
    pub(super) at: SystemTime,
    /// From when on it can be read.
    visible_from: SystemTime,
    text: String,
    warning: String,
    visibility: String,
    language: String,
    sensitive: bool,
    reply_to: Option<u64>,
    media: Vec<u64>,
    poll: Option<Poll>,
    reblog_of: Option<u64>,
    favourites: BTreeSet<u64>,
}

/// What was published under a key.
pub(super) struct Published {
    status: u64,
    at: SystemTime,
    answer: Weak<OnItsWay>,
}

impl State {
    /// Publishes, or gives what was published under the key. The answer must keep the mark that comes with it.
    pub(super) fn create_status(
        &mut self,
        me: u64,
        key: &str,
        given: &Parameters,
        ledger: &Ledger,
    ) -> Result<(Value, Option<Arc<OnItsWay>>), Refused> {
        let reply_to = given.number("in_reply_to_id").filter(|id| *id != 0);
        if reply_to.is_some_and(|id| self.status(id, Some(me)).is_err()) {
            let missing = "The post you are trying to reply to does not appear to exist.";
            return Err(Refused::new(StatusCode::NOT_FOUND, missing));
        }
        if let Some(known) = self.published_under(me, key) {
            // one that was deleted since is not found
            let status = self.statuses.get(&known).ok_or_else(Refused::not_found)?;
            return Ok((self.show(status, Some(me)), None));
        }
        let media = self.media_for_status(me, given)?;
        let status = self.new_status(me, given, reply_to, media)?;
        let (id, at) = (status.id, status.at);
        for media in &status.media {
            if let Some(media) = self.media.get_mut(media) {
                media.status = Some(id);
            }
        }
        ledger.append(self.entry(&status, key));
        let body = self.add(status);
        if key.is_empty() {
            return Ok((body, None));
        }
        let on_its_way = Arc::new(OnItsWay);
        let published = Published { status: id, at, answer: Arc::downgrade(&on_its_way) };
        self.published.insert((me, key.to_owned()), published);
        Ok((body, Some(on_its_way).filter(|_| self.settings.keys == Keys::OneByOne)))
    }

    fn published_under(&self, me: u64, key: &str) -> Option<u64> {
        let published = self.published.get(&(me, key.to_owned()))?;
        let is_known = match self.settings.keys {
            Keys::Honoured => true,
            Keys::OneByOne => published.answer.strong_count() == 0,
            Keys::Ignored => false,
        };
        let age = SystemTime::now().duration_since(published.at).unwrap_or_default();
        (is_known && age < self.settings.key_life()).then_some(published.status)
    }

    /// The media that a new status names. Anything but a list counts as none.
    fn media_for_status(&self, me: u64, given: &Parameters) -> Result<Vec<u64>, Refused> {
        let ids: Vec<_> = given.texts("media_ids").iter().map(|id| to_number(id)).collect();
        if ids.is_empty() {
            return Ok(ids);
        }
        if ids.len() > MAX_MEDIA || given.group("poll").is_some() {
            return Err(Refused::unprocessable(format!("Cannot attach more than {MAX_MEDIA} files")));
        }
        let free =
            |id: &u64| self.media.get(id).filter(|media| media.account == me && media.status.is_none());
        let missing: Vec<_> = ids.iter().filter(|id| free(id).is_none()).map(u64::to_string).collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let message = format!("Media {missing} not found or already attached to another post");
            return Err(Refused::unprocessable(message));
        }
        let media: Vec<_> = ids.iter().filter_map(free).collect();
        if media.len() > 1 && media.iter().any(|media| media.is_video()) {
            let mixed = "Cannot attach a video to a post that already contains images";
            return Err(Refused::unprocessable(mixed));
        }
        if media.iter().any(|media| !media.is_processed()) {
            let early = "Cannot attach files that have not finished processing. Try again in a moment!";
            return Err(Refused::unprocessable(early));
        }
        Ok(ids)
    }

    fn new_status(
        &mut self,
        me: u64,
        given: &Parameters,
        reply_to: Option<u64>,
        media: Vec<u64>,
    ) -> Result<Status, Refused> {
        let trimmed = |name: &str| given.text(name).unwrap_or_default().trim().to_owned();
        let (mut text, mut warning) = (trimmed("status"), trimmed("spoiler_text"));
        let sensitive = given.is_true("sensitive") || !warning.is_empty();
        // a warning of nothing becomes the text
        if text.is_empty() {
            std::mem::swap(&mut text, &mut warning);
        }
        if text.is_empty() && media.is_empty() {
            return Err(Refused::invalid("Text can't be blank"));
        }
        if text::counted(&warning, &text) > MAX_CHARACTERS {
            return Err(Refused::invalid(format_args!("Text character limit of {MAX_CHARACTERS} exceeded")));
        }
        let visibility = given.text("visibility").filter(|visibility| !visibility.is_empty());
        let visibility = visibility.unwrap_or_else(|| "public".into());
        if !VISIBILITIES.contains(&visibility.as_str()) {
            return Err(Refused::invalid("Visibility is not included in the list"));
        }
        let poll = given.group("poll").map(Poll::of).transpose()?;
        let at = SystemTime::now();
        Ok(Status {
            id: self.next_id(),
            account: me,
            at,
            visible_from: at + self.publish_delay,
            text,
            warning,
            visibility,
            language: language(&given.text("language").unwrap_or_default()),
            sensitive,
            reply_to,
            media,
            poll,
            reblog_of: None,
            favourites: BTreeSet::new(),
        })
    }

    /// Adds a status and shows it to its author.
    fn add(&mut self, status: Status) -> Value {
        let (id, author) = (status.id, Some(status.account));
        self.statuses.insert(id, status);
        self.statuses.get(&id).map(|status| self.show(status, author)).unwrap_or_default()
    }

    fn entry(&self, status: &Status, key: &str) -> Entry {
        Entry {
            platform: NAME,
            account: self.name_of(status).to_owned(),
            key: key.to_owned(),
            text: status.text.clone(),
            images: status
                .media
                .iter()
                .filter_map(|id| self.media.get(id))
                .map(|media| media.image())
                .collect(),
            at: rfc3339(status.at),
            uri: self.url(status),
            reply_to: self.answered(status),
        }
    }

    /// The address of what a status answers.
    fn answered(&self, status: &Status) -> Option<String> {
        status.reply_to.and_then(|id| self.statuses.get(&id)).map(|answered| self.url(answered))
    }

    fn name_of(&self, status: &Status) -> &str {
        self.accounts.get(&status.account).map_or("", |account| &account.name)
    }

    fn url(&self, status: &Status) -> String {
        format!("{}/@{}/{}", self.base, self.name_of(status), status.id)
    }

    fn can_see(&self, status: &Status, viewer: Option<u64>) -> bool {
        let (author, now) = (status.account, SystemTime::now());
        let is_open = ["public", "unlisted"].contains(&status.visibility.as_str());
        let is_let_in = |viewer| {
            let follows = status.visibility == "private" && self.follows.contains(&(viewer, author));
            viewer == author || follows || self.mentioned(status).any(|mentioned| mentioned.id == viewer)
        };
        status.visible_from <= now && (is_open || viewer.is_some_and(is_let_in))
    }

    /// Those here whom a status mentions.
    fn mentioned(&self, status: &Status) -> impl Iterator<Item = &Account> {
        text::entities(&status.text).into_iter().filter_map(|(_, entity)| match entity {
            Entity::Mention(name, server) => self.known(name, server),
            _ => None,
        })
    }

    /// A status as far as the viewer may see it.
    pub(super) fn status(&self, id: u64, viewer: Option<u64>) -> Result<&Status, Refused> {
        let status = self.statuses.get(&id).filter(|status| self.can_see(status, viewer));
        status.ok_or_else(Refused::not_found)
    }

    pub(super) fn source(&self, id: u64, viewer: Option<u64>) -> Result<Value, Refused> {
        let status = self.status(id, viewer)?;
        Ok(json!({"id": id_of(id), "text": status.text, "spoiler_text": status.warning}))
    }

    /// The statuses of an account, newest first, and a header that names the neighbouring pages.
    pub(super) fn statuses_of(
        &self,
        account: u64,
        viewer: Option<u64>,
        given: &Parameters,
    ) -> Result<(Value, Option<String>), Refused> {
        if !self.accounts.contains_key(&account) {
            return Err(Refused::not_found());
        }
        let limit = given.number("limit").unwrap_or(PAGE).min(2 * PAGE) as usize;
        let bound = |name: &str| given.number(name).filter(|id| *id != 0);
        let (max, since, min) = (bound("max_id"), bound("since_id"), bound("min_id"));
        let is_meant = |status: &&Status| {
            let answered = status.reply_to.and_then(|id| self.statuses.get(&id)).map(|status| status.account);
            status.account == account
                && self.can_see(status, viewer)
                && max.is_none_or(|max| status.id < max)
                && since.max(min).is_none_or(|after| status.id > after)
                // answers to oneself are no replies
                && !(given.is_true("exclude_replies") && status.reply_to.is_some() && answered != Some(account))
                && !(given.is_true("exclude_reblogs") && status.reblog_of.is_some())
                && !(given.is_true("only_media") && status.media.is_empty())
        };
        let found = self.statuses.values().filter(is_meant);
        // those right after `min_id`, otherwise the newest
        let page: Vec<_> = if min.is_some() {
            let mut page: Vec<_> = found.take(limit).collect();
            page.reverse();
            page
        } else {
            found.rev().take(limit).collect()
        };
        let link = page.first().zip(page.last()).map(|(first, last)| {
            let address = format!("{}/api/v1/accounts/{account}/statuses?limit={limit}", self.base);
            let next = format!("<{address}&max_id={}>; rel=\"next\", ", last.id);
            let next = if page.len() == limit { next } else { String::new() };
            format!("{next}<{address}&min_id={}>; rel=\"prev\"", first.id)
        });
        Ok((page.iter().map(|status| self.show(status, viewer)).collect(), link))
    }

    pub(super) fn show(&self, status: &Status, viewer: Option<u64>) -> Value {
        let account = self.accounts.get(&status.account);
        let original = status.reblog_of.and_then(|id| self.statuses.get(&id));
        let shown = original.unwrap_or(status);
        let answered = status.reply_to.and_then(|id| self.statuses.get(&id));
        let count = |is: &dyn Fn(&Status) -> bool| self.statuses.values().filter(|status| is(status)).count();
        let own_reblog = |other: &Status| other.reblog_of == Some(shown.id) && Some(other.account) == viewer;
        let media = shown.media.iter().filter_map(|id| self.media.get(id));
        let mentions = self.mentioned(shown).map(|known| {
            json!({"id": id_of(known.id), "username": known.name, "acct": known.name, "url": self.profile(known)})
        });
        let tags = text::entities(&shown.text).into_iter().filter_map(|(_, entity)| match entity {
            Entity::Tag(tag) => Some(tag.to_lowercase()),
            _ => None,
        });
        let tags = tags.map(|tag| json!({"name": tag, "url": format!("{}/tags/{tag}", self.base)}));
        let profile =
            |name: &str, server: Option<&str>| self.known(name, server).map(|known| self.profile(known));
        let name = self.name_of(status);
        json!({
            "id": id_of(status.id), "created_at": rfc3339(status.at), "edited_at": null,
            "uri": format!("{}/users/{name}/statuses/{}", self.base, status.id), "url": self.url(status),
            "in_reply_to_id": answered.map(|status| id_of(status.id)),
            "in_reply_to_account_id": answered.map(|status| id_of(status.account)),
            "content": text::html(&shown.text, &self.base, profile),
            "spoiler_text": shown.warning, "sensitive": shown.sensitive, "visibility": shown.visibility,
            "language": shown.language,
            "replies_count": count(&|other| other.reply_to == Some(shown.id)),
            "reblogs_count": count(&|other| other.reblog_of == Some(shown.id)),
            "favourites_count": shown.favourites.len(), "quotes_count": 0,
            "favourited": viewer.is_some_and(|viewer| shown.favourites.contains(&viewer)),
            "reblogged": status.reblog_of.is_some() || count(&own_reblog) > 0,
            "muted": false, "bookmarked": false, "pinned": false,
            "reblog": original.map(|original| self.show(original, viewer)),
            "application": {"name": "simulated", "website": null},
            "account": account.map(|account| self.account_json(account)),
            "media_attachments": media.map(|media| self.media_json(media)).collect::<Vec<_>>(),
            "mentions": mentions.collect::<Vec<_>>(), "tags": tags.collect::<Vec<_>>(), "emojis": [], "card": null, "filtered": [], "quote": null,
            "poll": shown.poll.as_ref().map(|poll| poll.json(shown.id, viewer == Some(shown.account))),
        })
    }

    pub(super) fn show_all(&mut self) {
        self.publish_delay = Duration::ZERO;
        for status in self.statuses.values_mut() {
            status.visible_from = status.visible_from.min(SystemTime::now());
        }
    }

    /// How many can't be read yet.
    pub(super) fn unread(&self) -> usize {
        let now = SystemTime::now();
        self.statuses.values().filter(|status| status.visible_from > now).count()
    }

    pub(super) fn timeline(&self) -> Vec<Visible> {
        let now = SystemTime::now();
        let is_shown = |status: &&Status| status.visible_from <= now && status.reblog_of.is_none();
        let visible = |status: &Status| Visible {
            platform: NAME,
            handle: self.name_of(status).to_owned(),
            at: rfc3339(status.at),
            uri: self.url(status),
            reply_to: self.answered(status),
            text: text::pieces(&status.text, &self.base),
            images: status
                .media
                .iter()
                .filter_map(|id| self.media.get(id))
                .map(|media| media.visible())
                .collect(),
        };
        self.statuses.values().filter(is_shown).map(visible).collect()
    }
}

/// A language the server knows; what it doesn't know is the server's own.
fn language(given: &str) -> String {
    let main = given.split(['-', '_']).next().unwrap_or_default();
    let is_code = (2..=3).contains(&main.len()) && main.bytes().all(|byte| byte.is_ascii_lowercase());
    if is_code { main.to_owned() } else { "en".to_owned() }
}
