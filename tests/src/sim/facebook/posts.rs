//! What is visible: posts, stories, comments, and their figures.

use std::time::Duration;

use serde_json::{Value, json};

use super::login::page;
use super::{Facebook, Made};
use crate::sim::graph::{Params, Refused, timestamp};
use crate::sim::kit::{NewPost, Post, Shelf};
use crate::sim::ledger::Image;

const MAX_TEXT: usize = 63_206;
const MAX_COMMENT: usize = 8_000;
const METRICS: [&str; 3] = ["post_clicks", "post_reactions_by_type_total", "post_total_media_view_unique"];

impl Made<'_> {
    /// Something of the caller's that is to be shown.
    pub(super) fn new_post(&self, id: &str, text: &str, uri: String) -> NewPost {
        NewPost {
            id: id.to_owned(),
            key: id.to_owned(),
            text: text.to_owned(),
            uri,
            account: self.caller.to_owned(),
            handle: self.common.accounts.handle_of(self.caller).to_owned(),
            ..NewPost::default()
        }
    }
}

/// The comments under something, the newest first.
pub(super) fn comments<'s>(shelf: &'s Shelf, on: &'s str) -> impl Iterator<Item = &'s Post> {
    shelf.newest().filter(move |post| post.more["on"] == on)
}

/// What a post has besides its text.
fn attachment(kind: &str, target: &str, parts: &Value) -> Value {
    json!({"type": kind, "target": {"id": target}, "url": null, "unshimmed_url": null, "subattachments": parts})
}

fn photo(id: &Value) -> Value {
    attachment("photo", id.as_str().unwrap_or_default(), &Value::Null)
}

/// A part of a list, with the cursor of the next.
fn paged(list: &[Value], params: &Params) -> Result<Value, Refused> {
    let number = |name: &str, usual: usize| params.get(name).map_or(Ok(usual), str::parse::<usize>);
    let odd = |_| Refused::invalid("limit and after must be integers");
    let (limit, after) = (number("limit", 25).map_err(odd)?.clamp(1, 100), number("after", 0).map_err(odd)?);
    let page: Vec<_> =
        list.iter().skip(after).take(limit).map(|node| params.select(node)).collect::<Result<_, _>>()?;
    let end = after + page.len();
    let mut answer = json!({"data": page});
    if end > after {
        answer["paging"] = json!({"cursors": {"before": after.to_string(), "after": end.to_string()}});
    }
    if end < list.len() {
        answer["paging"]["next"] = json!("https://graph.facebook.com/v26.0/next");
    }
    Ok(answer)
}

impl Facebook {
    pub(super) fn feed(&mut self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let text = made.params.get("message").unwrap_or_default().to_owned();
        let link = made.params.get("link").unwrap_or_default();
        let photos: Value = match made.params.get("attached_media").map(serde_json::from_str) {
            None => json!([]),
            Some(photos) => photos.map_err(|_| Refused::invalid("attached_media is no list"))?,
        };
        let photos: Vec<_> = photos
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|photo| photo["media_fbid"].as_str())
            .collect();
        if text.is_empty() && link.is_empty() && photos.is_empty() || text.chars().count() > MAX_TEXT {
            return Err(Refused::invalid("Missing message or attachment, or too long a message"));
        }
        // of photos it does not know
        let newest = made.common.shelf.newest().find(|post| post.account == made.caller);
        let is_again = newest.is_some_and(|post| {
            let known = self.links.get(&post.id).map_or("", String::as_str);
            post.text == text && post.more["kind"] == "feed" && known == link
        });
        if photos.is_empty() && is_again {
            return Err(Refused::known(506, ""));
        }
        let id = self.post(made, &text, &photos)?;
        if !link.is_empty() {
            self.links.insert(id.clone(), link.to_owned());
        }
        Ok(json!({"id": id}))
    }

    /// Shows a post in the feed.
    pub(super) fn post(&self, made: &mut Made<'_>, text: &str, photos: &[&str]) -> Result<String, Refused> {
        let of = |id: &&str| {
            let photo = self.photos.get(*id).filter(|photo| photo.owner == made.caller);
            photo.map(|photo| photo.image.clone()).ok_or_else(|| Refused::not_there(id))
        };
        let images = photos.iter().map(of).collect::<Result<Vec<Image>, _>>()?;
        let id = format!("{}_{}", made.caller, 122_500_000_000_000 + made.common.shelf.next_number());
        let new = made.new_post(&id, text, format!("https://www.facebook.com/{id}"));
        let more = json!({"kind": "feed", "photos": photos});
        made.common.shelf.publish(NewPost { images, more, ..new });
        Ok(id)
    }

    pub(super) fn photo_story(&self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let photo = made.params.one("photo_id")?;
        let found = self.photos.get(photo).filter(|photo| photo.owner == made.caller);
        let image = found.ok_or_else(|| Refused::not_there(photo))?.image.clone();
        let id = (126_000_000_000_000 + made.common.shelf.next_number()).to_string();
        let new = made.new_post(&id, "", format!("https://www.facebook.com/stories/{id}"));
        let more = json!({"kind": "story", "media": photo});
        made.common.shelf.publish(NewPost { images: vec![image], more, ..new });
        Ok(json!({"success": true, "post_id": id}))
    }

    pub(super) fn list_stories(&self, made: &Made<'_>) -> Result<Value, Refused> {
        let own = made.common.shelf.newest().filter(|post| post.account == made.caller);
        let stories: Vec<_> = own
            .filter(|post| post.more["kind"] == "story")
            .map(|post| {
                json!({"post_id": post.id, "status": "PUBLISHED", "creation_time": timestamp(post.at),
                       "media_type": "photo", "media_id": post.more["media"], "url": post.uri})
            })
            .collect();
        paged(&stories, made.params)
    }

    pub(super) fn list_posts(&self, made: &Made<'_>) -> Result<Value, Refused> {
        let shelf = &made.common.shelf;
        let own = shelf.newest().filter(|post| post.account == made.caller);
        let posts = own.filter(|post| matches!(post.more["kind"].as_str(), Some("feed" | "video" | "reel")));
        let posts: Vec<_> = posts.map(|post| self.post_node(shelf, post)).collect();
        paged(&posts, made.params)
    }

    fn post_node(&self, shelf: &Shelf, post: &Post) -> Value {
        let photos = post.more["photos"].as_array().cloned().unwrap_or_default();
        let attached = match (post.more["media"].as_str(), photos.as_slice()) {
            (Some(video), _) => json!([attachment("video_inline", video, &Value::Null)]),
            (None, []) => json!(self.card(post).into_iter().collect::<Vec<_>>()),
            (None, [only]) => json!([photo(only)]),
            (None, several) => {
                let parts: Vec<_> = several.iter().map(photo).collect();
                json!([attachment("album", &post.id, &json!({ "data": parts }))])
            }
        };
        let edit = self.settings.edits.get(&post.id);
        let id =
            if post.id.contains('_') { post.id.clone() } else { format!("{}_{}", post.account, post.id) };
        let updated = post.at + Duration::from_secs(if edit.is_some() { 60 } else { 0 });
        let count = comments(shelf, &post.id).count();
        json!({
            "id": id, "message": edit.unwrap_or(&post.text), "created_time": timestamp(post.at),
            "updated_time": timestamp(updated), "permalink_url": post.uri, "attachments": {"data": attached},
            "shares": {"count": self.settings.insights.get("shares").copied().unwrap_or_default()},
            "comments": {"data": [], "summary": {"total_count": count}},
        })
    }

    /// The card of a link: the one that was sent, or the first in the text.
    fn card(&self, post: &Post) -> Option<Value> {
        let in_text = || post.text.split_whitespace().find(|word| word.starts_with("https://"));
        let link = self.links.get(&post.id).map(String::as_str).or_else(in_text)?;
        let mut card = attachment("share", "", &Value::Null);
        // what people are led through
        card["url"] = json!("https://l.facebook.com/l.php?u=…");
        card["unshimmed_url"] = json!(link);
        Some(card)
    }

    /// A node by its id: a page, a video, a post, a comment.
    pub(super) fn node(&self, made: &Made<'_>) -> Result<Value, Refused> {
        let shelf = &made.common.shelf;
        if made.id == made.caller {
            return made.params.select(&page(made.caller, made.common.accounts.handle_of(made.caller)));
        }
        if let Some(video) = self.video_node(shelf, made.caller, made.id) {
            return made.params.select(&video);
        }
        let post = shelf.read(made.id).filter(|post| post.account == made.caller);
        made.params.select(&self.post_node(shelf, post.ok_or_else(|| Refused::not_there(made.id))?))
    }

    /// Takes something away. Of stories there is no such call.
    pub(super) fn delete(&self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let shelf = &mut made.common.shelf;
        let own =
            shelf.read(made.id).filter(|post| post.account == made.caller && post.more["kind"] != "story");
        own.ok_or_else(|| Refused::not_there(made.id))?;
        shelf.remove(made.id);
        Ok(json!({"success": true}))
    }

    pub(super) fn comment(&self, made: &mut Made<'_>) -> Result<Value, Refused> {
        let text = made.params.one("message")?;
        if text.chars().count() > MAX_COMMENT {
            return Err(Refused::invalid("The comment is too long"));
        }
        let on = made.common.shelf.read(made.id).filter(|post| post.more["kind"] != "story");
        let uri = on.ok_or_else(|| Refused::not_there(made.id))?.uri.clone();
        let object = made.id.rsplit('_').next().unwrap_or_default();
        let id = format!("{object}_{}", 127_000_000_000_000 + made.common.shelf.next_number());
        let new = made.new_post(&id, text, format!("{uri}?comment_id={id}"));
        let more = json!({"kind": "comment", "on": made.id});
        made.common.shelf.publish(NewPost { reply_to: Some(uri), more, ..new });
        Ok(json!({"id": id}))
    }

    pub(super) fn list_comments(&self, made: &Made<'_>) -> Result<Value, Refused> {
        let mut list: Vec<_> = comments(&made.common.shelf, made.id)
            .map(|post| {
                json!({"id": post.id, "message": post.text, "created_time": timestamp(post.at),
                       "from": {"id": post.account, "name": post.handle}})
            })
            .collect();
        if made.params.get("order") != Some("reverse_chronological") {
            list.reverse();
        }
        paged(&list, made.params)
    }

    pub(super) fn insights(&self, made: &Made<'_>) -> Result<Value, Refused> {
        made.common.shelf.read(made.id).ok_or_else(|| Refused::not_there(made.id))?;
        let mut data = Vec::new();
        for metric in made.params.one("metric")?.split(',') {
            if !METRICS.contains(&metric) {
                return Err(Refused::invalid("The value must be a valid insights metric"));
            }
            let told = self.settings.insights.get(metric).copied().unwrap_or_default();
            let value = match metric {
                "post_reactions_by_type_total" if told > 0 => json!({"like": told - 1, "love": 1}),
                "post_reactions_by_type_total" => json!({}),
                _ => json!(told),
            };
            data.push(json!({"name": metric, "period": "lifetime", "values": [{"value": value}],
                             "id": format!("{}/insights/{metric}/lifetime", made.id)}));
        }
        Ok(json!({"data": data}))
    }
}
