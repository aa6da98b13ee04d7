//! How posts and comments are shown, one by one and in the lists of an account.

use serde_json::{Map, Value, json};

use super::{Given, NOT_FOUND, Reddit, Refused};
use crate::sim::kit::{Common, Post};

/// The most of a page, and how many it has where nothing is said.
const MAX_PAGE: usize = 100;
const PAGE: usize = 25;

/// A post or a comment as its list has it.
pub(super) fn show(post: &Post) -> Value {
    let since = post.at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let created = since.as_secs() as f64;
    if let Some(link) = post.more["link_id"].as_str() {
        return json!({
            "name": post.id, "id": post.id.trim_start_matches("t1_"), "author": post.handle, "body": post.text,
            "link_id": link, "parent_id": post.reply_to, "created_utc": created, "score": 4, "edited": false,
        });
    }
    let kept = &post.more;
    let id = post.id.trim_start_matches("t3_");
    let permalink = format!("/r/{}/comments/{id}/a_title/", kept["subreddit"].as_str().unwrap_or_default());
    let mut shown = json!({
        "name": post.id, "id": id, "author": post.handle, "subreddit": kept["subreddit"], "title": kept["title"],
        // the end of a text is cut
        "selftext": post.text.trim_end(), "is_self": kept["kind"] == "self", "created_utc": created,
        "permalink": permalink, "url": format!("https://www.reddit.com{permalink}"), "removed_by_category": null,
        "over_18": kept["nsfw"], "spoiler": kept["spoiler"], "link_flair_text": kept["flair"], "score": 12,
        "upvote_ratio": 0.92, "num_comments": 3, "num_crossposts": 1, "view_count": null, "edited": false,
    });
    match kept["kind"].as_str().unwrap_or_default() {
        "self" => {}
        "gallery" => {
            let images = post.images.iter();
            let items: Map<String, Value> =
                images.map(|image| (image.cid.clone(), json!({"status": "valid", "e": "Image"}))).collect();
            shown["is_gallery"] = json!(true);
            shown["media_metadata"] = Value::Object(items);
            shown["url"] = json!(format!("https://www.reddit.com/gallery/{id}"));
        }
        _ => {
            shown["url"] = kept["url"].clone();
            shown["url_overridden_by_dest"] = kept["url"].clone();
        }
    }
    shown
}

fn listing(posts: &[&Post], after: Option<&str>) -> Value {
    let child = |post: &&Post| json!({"kind": &post.id[..2], "data": show(post)});
    let children: Vec<_> = posts.iter().map(child).collect();
    json!({"kind": "Listing", "data": {"after": after, "before": null, "dist": children.len(), "modhash": null,
                                       "children": children}})
}

/// Posts and comments by their full names.
pub(super) fn info(common: &Common, names: &str) -> Value {
    let found: Vec<_> = names.split(',').filter_map(|name| common.shelf.read(name)).collect();
    listing(&found, None)
}

impl Reddit {
    fn is_processed(&self, post: &Post) -> bool {
        let kind = post.more["kind"].as_str().unwrap_or_default();
        !matches!(kind, "image" | "video") || post.at.elapsed().unwrap_or_default() >= self.processing
    }

    /// What an account has posted or commented, newest first, page by page.
    pub(super) fn list(&self, common: &Common, path: &str, query: &Given) -> Result<Value, Refused> {
        let mut parts = path.split('/').skip(1);
        let (name, which) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let account = common.accounts.iter().find(|(_, handle)| handle.eq_ignore_ascii_case(name));
        let (id, _) = account.ok_or(NOT_FOUND)?;
        let kind = if which == "comments" { "t1_" } else { "t3_" };
        let is_its =
            |post: &&Post| post.account == id && post.id.starts_with(kind) && self.is_processed(post);
        let all: Vec<_> = common.shelf.newest().filter(is_its).collect();
        let after = query.get("after");
        let from = match after {
            "" => 0,
            after => all.iter().position(|post| post.id == after).map_or(all.len(), |at| at + 1),
        };
        let size = query.get("limit").parse().unwrap_or(PAGE).clamp(1, MAX_PAGE);
        let page: Vec<_> = all.iter().copied().skip(from).take(size).collect();
        let rest = all.len() > from + size;
        let next = page.last().filter(|_| rest).map(|post| post.id.as_str());
        Ok(listing(&page, next))
    }
}
