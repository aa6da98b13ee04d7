//! What is published: posts, answers, and their figures.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::container::Phase;
use super::{DAY, Made, Threads};
use crate::sim::graph::{Refused, has_passed, timestamp};
use crate::sim::kit::{NewPost, Post};

const METRICS: [&str; 6] = ["likes", "quotes", "replies", "reposts", "shares", "views"];

fn node(post: &Post) -> Value {
    json!({
        "id": post.id, "text": post.text, "timestamp": timestamp(post.at), "permalink": post.uri,
        "username": post.handle, "is_reply": post.reply_to.is_some(),
    })
}

impl Threads {
    /// How many posts, or answers, an account has published in a day, deleted or not.
    fn used(&self, account: &str, replies: bool) -> usize {
        let counts = |(whose, at, is_reply): &&(String, SystemTime, bool)| {
            whose == account && *is_reply == replies && !has_passed(*at, DAY)
        };
        self.published.iter().filter(counts).count()
    }

    pub(super) fn publish(&mut self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let creation = made.params.one("creation_id")?;
        let gone = || Refused::known(4279009, creation);
        let container = self.containers.get(creation).filter(|found| found.owner == made.caller);
        let container = container.ok_or_else(gone)?;
        // also one that is published, or not ready yet
        if container.phase(&self.settings) != Phase::Finished {
            return Err(gone());
        }
        let is_reply = container.reply_to.is_some();
        let quota = if is_reply { self.settings.reply_quota } else { self.settings.daily_quota };
        if self.used(made.caller, is_reply) >= quota {
            return Err(Refused::known(2207042, ""));
        }
        let shelf = &mut made.common.shelf;
        let id = (18_000_000_000_000_000 + shelf.next_number()).to_string();
        let handle = made.common.accounts.handle_of(made.caller).to_owned();
        let reply_to =
            container.reply_to.as_deref().and_then(|id| shelf.find(id)).map(|post| post.uri.clone());
        shelf.publish(NewPost {
            id: id.clone(),
            key: creation.to_owned(),
            text: container.text.clone(),
            uri: format!("https://www.threads.com/@{handle}/post/{id}"),
            account: made.caller.to_owned(),
            handle,
            reply_to,
            images: container.files.clone(),
            more: Value::Null,
        });
        if let Some(container) = self.containers.get_mut(creation) {
            container.post = Some(id.clone());
        }
        self.published.push((made.caller.to_owned(), SystemTime::now(), is_reply));
        Ok(json!({"id": id}))
    }

    pub(super) fn publishing_limit(&self, made: &Made<'_>) -> Result<Value, Refused> {
        let total = |quota: usize| json!({"quota_total": quota, "quota_duration": 86_400});
        let limit = made.params.select(&json!({
            "quota_usage": self.used(made.caller, false), "config": total(self.settings.daily_quota),
            "reply_quota_usage": self.used(made.caller, true), "reply_config": total(self.settings.reply_quota),
        }))?;
        Ok(json!({"data": [limit]}))
    }

    /// What an account has published, the newest first: posts, or answers, which are in no other list.
    pub(super) fn list(&self, made: &Made<'_>, replies: bool) -> Result<Value, Refused> {
        let own = made.common.shelf.newest().filter(|post| post.account == made.caller);
        let limit = made.params.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(25_usize);
        let listed = own.filter(|post| post.reply_to.is_some() == replies).take(limit.min(100));
        let nodes: Vec<_> = listed.map(|post| made.params.select(&node(post))).collect::<Result<_, _>>()?;
        Ok(json!({"data": nodes}))
    }

    /// A node by its id: an account, a container, a post.
    pub(super) fn node(&self, made: &Made<'_>) -> Result<Value, Refused> {
        if made.id == made.caller {
            let username = made.common.accounts.handle_of(made.caller);
            return made.params.select(&json!({"id": made.caller, "username": username, "name": null}));
        }
        if let Some(container) = self.containers.get(made.id).filter(|found| found.owner == made.caller) {
            let is_read = |id: &String| made.common.shelf.read(id).is_some();
            let says_so = !self.settings.says_late || container.post.as_ref().is_none_or(is_read);
            let phase = if says_so { container.phase(&self.settings) } else { Phase::Finished };
            return made.params.select(&phase.node(made.id));
        }
        let post = made.common.shelf.read(made.id).ok_or_else(|| Refused::not_there(made.id))?;
        made.params.select(&node(post))
    }

    pub(super) fn delete(&self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let shelf = &mut made.common.shelf;
        shelf
            .read(made.id)
            .filter(|post| post.account == made.caller)
            .ok_or_else(|| Refused::not_there(made.id))?;
        shelf.remove(made.id);
        Ok(json!({"success": true, "deleted_id": made.id}))
    }

    pub(super) fn insights(&self, made: &Made<'_>) -> Result<Value, Refused> {
        made.common.shelf.read(made.id).ok_or_else(|| Refused::not_there(made.id))?;
        let mut data = Vec::new();
        for metric in made.params.one("metric")?.split(',') {
            if !METRICS.contains(&metric) {
                return Err(Refused::invalid(format!("metric must be one of {}", METRICS.join(", "))));
            }
            let value = self.settings.insights.get(metric).copied().unwrap_or_default();
            data.push(
                json!({"name": metric, "period": "lifetime", "values": [{"value": value}], "title": metric,
                             "id": format!("{}/insights/{metric}/lifetime", made.id)}),
            );
        }
        Ok(json!({"data": data}))
    }
}
