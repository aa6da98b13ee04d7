//! What is published: posts, stories, their comments and numbers.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::container::{Kind, Phase};
use super::{NAME, State};
use crate::sim::graph::{Params, Refused, timestamp};
use crate::sim::ledger::{Entry, Image, Ledger, rfc3339};
use crate::sim::{Piece, Visible, VisibleImage};

const MAX_COMMENT: usize = 300;
const METRICS: &[&str] = &["comments", "likes", "reach", "saved", "shares", "total_interactions", "views"];

/// One medium.
pub(super) struct Medium {
    owner: String,
    kind: Kind,
    caption: String,
    files: Vec<Image>,
    cover: Option<String>,
    permalink: String,
    at: SystemTime,
    /// Since when reads find it.
    readable: SystemTime,
    comments: Vec<Comment>,
}

struct Comment {
    id: String,
    text: String,
    at: SystemTime,
    /// Since when reads find it.
    readable: SystemTime,
}

impl Comment {
    /// Where people see it.
    fn uri(&self, medium: &Medium) -> String {
        format!("{}c/{}/", medium.permalink, self.id)
    }
}

impl Medium {
    fn node(&self, id: &str, handle: &str) -> Value {
        let (media_type, product) = match self.kind {
            Kind::Carousel => ("CAROUSEL_ALBUM", "FEED"),
            Kind::Reel => ("VIDEO", "REELS"),
            Kind::Story if !self.is_image() => ("VIDEO", "STORY"),
            Kind::Story => ("IMAGE", "STORY"),
            Kind::Image | Kind::Video => ("IMAGE", "FEED"),
        };
        let caption = (!self.caption.is_empty()).then_some(&self.caption);
        let alt = self.files.first().map(|file| &file.alt).filter(|alt| !alt.is_empty());
        json!({
            "id": id, "caption": caption, "media_type": media_type, "media_product_type": product,
            "permalink": self.permalink, "timestamp": timestamp(self.at), "username": handle,
            "owner": {"id": self.owner}, "alt_text": alt, "comments_count": self.comments.len(), "like_count": 0,
        })
    }

    fn is_image(&self) -> bool {
        self.files.iter().all(|file| file.mime_type.starts_with("image/"))
    }

    fn is_readable(&self) -> bool {
        self.readable <= SystemTime::now()
    }
}

impl State {
    pub(super) fn publish(
        &mut self,
        owner: String,
        params: &Params,
        ledger: &Ledger,
    ) -> Result<Value, Refused> {
        let id = params.one("creation_id")?;
        let account = self.account(&owner)?;
        let found = self.containers.get(id).filter(|container| container.owner == owner);
        let container = found.ok_or_else(|| Refused::known(2207008, id))?;
        match container.phase(&account.settings) {
            Phase::Finished => {}
            // what was published is gone
            Phase::Published => return Err(Refused::known(2207008, id)),
            Phase::Expired => return Err(Refused::known(2207020, id)),
            Phase::InProgress | Phase::Error(_) => return Err(Refused::known(2207027, id)),
        }
        if container.is_child {
            return Err(Refused::invalid("An item of a carousel can't be published alone"));
        }
        if account.quota_usage() >= account.settings.daily_quota {
            return Err(Refused::known(2207042, ""));
        }
        let medium_id = self.new_id(18_020_000_000_000_000);
        let now = SystemTime::now();
        let readable = now + self.delay;
        let handle = self.account(&owner)?.handle.clone();
        let container = self.containers.get_mut(id).ok_or_else(|| Refused::known(2207008, id))?;
        container.medium = Some(medium_id.clone());
        let medium = Medium {
            permalink: permalink(container.kind, &handle, &medium_id),
            kind: container.kind,
            // stories have none
            caption: if container.kind == Kind::Story { String::new() } else { container.caption.clone() },
            files: container.files.clone(),
            cover: container.cover.clone(),
            at: now,
            readable,
            comments: Vec::new(),
            owner: owner.clone(),
        };
        ledger.append(Entry {
            platform: NAME,
            account: handle,
            key: id.to_owned(),
            text: medium.caption.clone(),
            images: medium.files.clone(),
            at: rfc3339(now),
            uri: medium.permalink.clone(),
            reply_to: None,
        });
        self.media.insert(medium_id.clone(), medium);
        if let Some(account) = self.accounts.get_mut(&owner) {
            account.count_publish();
        }
        Ok(json!({"id": medium_id}))
    }

    pub(super) fn publishing_limit(&self, id: &str, params: &Params) -> Result<Value, Refused> {
        let account = self.account(id)?;
        let limit = params.select(&json!({
            "quota_usage": account.quota_usage(),
            "config": {"quota_total": account.settings.daily_quota, "quota_duration": 86_400},
        }))?;
        Ok(json!({"data": [limit]}))
    }

    /// What an account has published, the newest first: posts, or stories, which are in no other list.
    fn of(&self, owner: &str, stories: bool) -> impl Iterator<Item = (&String, &Medium)> {
        let own = move |(_, medium): &(&String, &Medium)| {
            medium.owner == owner && medium.is_readable() && (medium.kind == Kind::Story) == stories
        };
        self.media.iter().rev().filter(own)
    }

    /// How many can't be read yet.
    pub(super) fn show_all(&mut self) {
        self.delay = Duration::ZERO;
        let now = SystemTime::now();
        for medium in self.media.values_mut() {
            medium.readable = medium.readable.min(now);
            for comment in &mut medium.comments {
                comment.readable = comment.readable.min(now);
            }
        }
    }

    pub(super) fn unread(&self) -> usize {
        self.media.values().filter(|medium| !medium.is_readable()).count()
    }

    pub(super) fn list_media(&self, owner: &str, params: &Params, base: &str) -> Result<Value, Refused> {
        let limit = params.get("limit").map_or(Ok(25), str::parse::<usize>);
        let limit = limit.map_err(|_| Refused::invalid("limit must be an integer"))?.clamp(1, 100);
        let handle = &self.account(owner)?.handle;
        let after = params.get("after");
        let mut rest = self.of(owner, false).filter(|(id, _)| after.is_none_or(|after| id.as_str() < after));
        let page: Vec<_> = rest.by_ref().take(limit).collect();
        let nodes = page.iter().map(|(id, medium)| params.select(&medium.node(id, handle)));
        let mut answer = json!({"data": nodes.collect::<Result<Vec<_>, _>>()?});
        if let (Some((first, _)), Some((last, _))) = (page.first(), page.last()) {
            answer["paging"] = json!({"cursors": {"before": first, "after": last}});
            if rest.next().is_some() {
                let fields = params.get("fields").unwrap_or_default();
                answer["paging"]["next"] =
                    json!(format!("{base}/v26.0/{owner}/media?fields={fields}&limit={limit}&after={last}"));
            }
        }
        Ok(answer)
    }

    pub(super) fn list_stories(&self, owner: &str, params: &Params) -> Result<Value, Refused> {
        let handle = &self.account(owner)?.handle;
        let nodes = self.of(owner, true).map(|(id, medium)| params.select(&medium.node(id, handle)));
        Ok(json!({"data": nodes.collect::<Result<Vec<_>, _>>()?}))
    }

    /// A medium that the caller can read.
    fn medium(&mut self, caller: &str, id: &str) -> Result<&mut Medium, Refused> {
        let found = self.media.get_mut(id).filter(|medium| medium.owner == caller && medium.is_readable());
        found.ok_or_else(|| Refused::not_there(id))
    }

    pub(super) fn get_media(&mut self, caller: &str, id: &str, params: &Params) -> Result<Value, Refused> {
        let handle = self.account(caller)?.handle.clone();
        params.select(&self.medium(caller, id)?.node(id, &handle))
    }

    pub(super) fn delete_media(&mut self, caller: &str, id: &str) -> Result<Value, Refused> {
        self.medium(caller, id)?;
        self.media.remove(id);
        Ok(json!({"success": true}))
    }

    pub(super) fn comment(
        &mut self,
        caller: &str,
        id: &str,
        params: &Params,
        ledger: &Ledger,
    ) -> Result<Value, Refused> {
        let text = params.one("message")?.to_owned();
        if text.chars().count() > MAX_COMMENT {
            return Err(Refused::invalid("The comment is too long"));
        }
        let (handle, at) = (self.account(caller)?.handle.clone(), SystemTime::now());
        let comment =
            Comment { id: self.new_id(17_870_000_000_000_000), text, at, readable: at + self.delay };
        let medium = self.medium(caller, id)?;
        if medium.kind == Kind::Story {
            return Err(Refused::invalid("Stories have no comments"));
        }
        let answer = json!({"id": comment.id});
        ledger.append(Entry {
            platform: NAME,
            account: handle,
            key: comment.id.clone(),
            text: comment.text.clone(),
            images: vec![],
            at: rfc3339(at),
            uri: comment.uri(medium),
            reply_to: Some(medium.permalink.clone()),
        });
        medium.comments.push(comment);
        Ok(answer)
    }

    pub(super) fn list_comments(
        &mut self,
        caller: &str,
        id: &str,
        params: &Params,
    ) -> Result<Value, Refused> {
        let handle = self.account(caller)?.handle.clone();
        let now = SystemTime::now();
        let comments = self.medium(caller, id)?.comments.iter().rev();
        let nodes = comments.filter(|comment| comment.readable <= now).map(|comment| {
            params.select(&json!({
                "id": comment.id, "text": comment.text, "timestamp": timestamp(comment.at), "username": handle,
            }))
        });
        Ok(json!({"data": nodes.collect::<Result<Vec<_>, _>>()?}))
    }

    pub(super) fn insights(&mut self, caller: &str, id: &str, params: &Params) -> Result<Value, Refused> {
        let told = self.account(caller)?.settings.insights.clone();
        let comments = self.medium(caller, id)?.comments.len() as u64;
        let mut data = Vec::new();
        for metric in params.one("metric")?.split(',') {
            if !METRICS.contains(&metric) {
                let message = format!("metric must be one of the following values: {}", METRICS.join(", "));
                return Err(Refused::invalid(message));
            }
            let value = told.get(metric).copied().unwrap_or(if metric == "comments" { comments } else { 0 });
            data.push(json!({
                "name": metric, "period": "lifetime", "values": [{"value": value}], "title": metric,
                "description": metric, "id": format!("{id}/insights/{metric}/lifetime"),
            }));
        }
        Ok(json!({"data": data}))
    }

    pub(super) fn visible(&self) -> Vec<Visible> {
        let handle = |medium: &Medium| {
            self.accounts.get(&medium.owner).map(|account| account.handle.clone()).unwrap_or_default()
        };
        let commented = |medium: &Medium, comment: &Comment| Visible {
            platform: NAME,
            handle: handle(medium),
            at: rfc3339(comment.at),
            uri: comment.uri(medium),
            text: vec![Piece { text: comment.text.clone(), link: None }],
            images: vec![],
            reply_to: Some(medium.permalink.clone()),
        };
        let visible = |medium: &Medium| {
            let image = |src: &String, alt: &str| VisibleImage {
                src: src.clone(),
                alt: alt.to_owned(),
                aspect_ratio: None,
            };
            let files = medium.files.iter().filter(|file| file.mime_type.starts_with("image/"));
            Visible {
                platform: NAME,
                handle: handle(medium),
                reply_to: None,
                at: rfc3339(medium.at),
                uri: medium.permalink.clone(),
                text: vec![Piece { text: medium.caption.clone(), link: None }],
                images: files
                    .map(|file| image(&file.cid, &file.alt))
                    .chain(medium.cover.iter().map(|cover| image(cover, "")))
                    .collect(),
            }
        };
        let mut all = Vec::new();
        for medium in self.media.values() {
            all.push(visible(medium));
            all.extend(medium.comments.iter().map(|comment| commented(medium, comment)));
        }
        all
    }
}

fn permalink(kind: Kind, handle: &str, id: &str) -> String {
    let code = URL_SAFE_NO_PAD.encode(id.parse::<u64>().unwrap_or_default().to_be_bytes());
    match kind {
        Kind::Reel => format!("https://www.instagram.com/reel/{code}/"),
        Kind::Story => format!("https://www.instagram.com/stories/{handle}/{id}"),
        _ => format!("https://www.instagram.com/p/{code}/"),
    }
}
