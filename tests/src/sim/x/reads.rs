//! What can be read: tweets by id and the newest of an account. What there is not is named inside a success.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::problem::{Refused, not_found};
use super::tweets::{Tweet, tweet_id};
use super::{Account, Query, State, meter};
use crate::sim::ledger::rfc3339;

const MAX_IDS: usize = 100;

impl State {
    pub(super) fn me(&mut self, me: &Account, query: &Query) -> Result<Value, Refused> {
        query.knows(&["user.fields"])?;
        self.meter.charge(&me.handle, "users.me", meter::READ);
        Ok(json!({"data": {"id": me.id, "name": me.handle, "username": me.handle}}))
    }

    /// Several tweets by their ids.
    pub(super) fn lookup(&mut self, me: &Account, query: &Query) -> Result<Value, Refused> {
        query.knows(&["ids", "tweet.fields"])?;
        let given = query.get("ids").unwrap_or_default();
        let ids: Vec<&str> = given.split(',').collect();
        if ids.len() > MAX_IDS {
            let message = format!(
                "The number of values in the `ids` query parameter list [{}] is not between 1 and 100",
                ids.len()
            );
            return Err(Refused::invalid("ids", &json!(given), message));
        }
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for id in ids {
            match self.read(me, tweet_id("ids", id)?, query) {
                Some(tweet) => found.push(tweet),
                None => errors.push(not_found("tweet", "ids", id)),
            }
        }
        Ok(answer(json!(found), errors))
    }

    /// One tweet.
    pub(super) fn lookup_one(&mut self, me: &Account, id: &str, query: &Query) -> Result<Value, Refused> {
        query.knows(&["tweet.fields"])?;
        Ok(match self.read(me, tweet_id("id", id)?, query) {
            Some(tweet) => answer(tweet, vec![]),
            None => answer(json!([]), vec![not_found("tweet", "id", id)]),
        })
    }

    /// The tweets of an account, newest first. A page's token is the id of its last tweet.
    pub(super) fn tweets_of(&mut self, me: &Account, id: &str, query: &Query) -> Result<Value, Refused> {
        query.knows(&[
            "max_results",
            "pagination_token",
            "since_id",
            "start_time",
            "until_id",
            "tweet.fields",
        ])?;
        tweet_id("id", id)?;
        let given = query.get("max_results").unwrap_or("10");
        let most = given.parse().ok().filter(|most| (5..=100).contains(most)).ok_or_else(|| {
            let message =
                format!("The `max_results` query parameter value [{given}] is not between 5 and 100");
            Refused::invalid("max_results", &json!(given), message)
        })?;
        if !self.accounts.contains_key(id) {
            return Ok(answer(json!([]), vec![not_found("user", "id", id)]));
        }
        let limit = |name: &str| query.get(name).map(|id| tweet_id(name, id)).transpose();
        let before = [limit("pagination_token")?, limit("until_id")?].into_iter().flatten().min();
        let after = limit("since_id")?.unwrap_or_default();
        let start = query.get("start_time").map(instant).transpose()?;
        let now = SystemTime::now();
        let fits = |(key, tweet): &(&u64, &Tweet)| {
            **key > after
                && before.is_none_or(|before| **key < before)
                && tweet.author == id
                && start.is_none_or(|start| tweet.at >= start)
                && tweet.visible <= now
        };
        let mut ids: Vec<u64> =
            self.tweets.iter().rev().filter(fits).map(|(key, _)| *key).take(most + 1).collect();
        let more = ids.len() > most;
        ids.truncate(most);
        let mut meta = json!({"result_count": ids.len()});
        if let (Some(newest), Some(oldest)) = (ids.first(), ids.last()) {
            meta["newest_id"] = json!(newest.to_string());
            meta["oldest_id"] = json!(oldest.to_string());
            if more {
                meta["next_token"] = json!(oldest.to_string());
            }
        }
        let tweets: Vec<_> = ids.into_iter().filter_map(|id| self.read(me, id, query)).collect();
        let mut answer = answer(json!(tweets), vec![]);
        answer["meta"] = meta;
        Ok(answer)
    }

    /// Reads a tweet that can be read by now, which costs something.
    fn read(&mut self, me: &Account, id: u64, query: &Query) -> Option<Value> {
        let tweet = self.tweets.get(&id).filter(|tweet| tweet.visible <= SystemTime::now())?;
        let is_own_app = self.settings.app_owner.as_ref().is_none_or(|owner| *owner == me.handle);
        let price = if tweet.author == me.id && is_own_app { meter::OWN_READ } else { meter::READ };
        let shown = self.describe(id, tweet, query);
        self.meter.charge(&me.handle, query.call, price);
        Some(shown)
    }

    /// A tweet with the fields that were asked for.
    fn describe(&self, id: u64, tweet: &Tweet, query: &Query) -> Value {
        let shown = self.shown(id, tweet);
        let key = id.to_string();
        let mut data = json!({"id": key, "text": shown.text, "edit_history_tweet_ids": [key]});
        for field in query.get("tweet.fields").unwrap_or_default().split(',') {
            let value = match field {
                "author_id" => json!(tweet.author),
                "created_at" => json!(rfc3339(tweet.at)),
                "conversation_id" => json!(tweet.conversation.to_string()),
                "public_metrics" => self.metrics(id),
                "reply_settings" => tweet.reply_settings.map_or(json!("everyone"), |who| json!(who)),
                "entities" if !shown.urls.is_empty() => json!({"urls": shown.urls}),
                "attachments" if !tweet.media.is_empty() => {
                    let key = |id: &String| Some(self.uploads.get(id)?.key(id));
                    json!({"media_keys": tweet.media.iter().filter_map(key).collect::<Vec<_>>()})
                }
                "referenced_tweets" => match tweet.reply_to {
                    Some(to) => json!([{"type": "replied_to", "id": to.to_string()}]),
                    None => continue,
                },
                _ => continue,
            };
            data[field] = value;
        }
        data
    }

    fn metrics(&self, id: u64) -> Value {
        let replies = self.tweets.values().filter(|tweet| tweet.reply_to == Some(id)).count();
        json!({
            "retweet_count": 0, "reply_count": replies, "like_count": 0, "quote_count": 0,
            "bookmark_count": 0, "impression_count": 0,
        })
    }
}

/// A time, to the second.
fn instant(given: &str) -> Result<SystemTime, Refused> {
    humantime::parse_rfc3339(given).map_err(|_| {
        let message = format!("The `start_time` query parameter value [{given}] is not a valid time");
        Refused::invalid("start_time", &json!(given), message)
    })
}

/// An answer has no field for what is empty.
fn answer(data: Value, errors: Vec<Value>) -> Value {
    let mut answer = json!({});
    if data != json!([]) {
        answer["data"] = data;
    }
    if !errors.is_empty() {
        answer["errors"] = json!(errors);
    }
    answer
}
