//! What is read: channels newest first, threads oldest first, a page at a time.

use serde_json::{Value, json};

use super::Account;
use crate::sim::kit::{Post, Shelf};

/// Where people see a message.
pub(super) fn permalink(channel: &str, ts: &str, thread: Option<&str>) -> String {
    let page = format!("https://acme.slack.com/archives/{channel}/p{}", ts.replace('.', ""));
    match thread {
        Some(thread) => format!("{page}?thread_ts={thread}&cid={channel}"),
        None => page,
    }
}

/// A message as it is shown.
pub(super) fn show(post: &Post) -> Value {
    let mut shown = post.more.clone();
    shown["type"] = json!("message");
    shown["ts"] = json!(post.id);
    if let Value::Object(fields) = &mut shown {
        fields.retain(|_, value| !value.is_null());
    }
    shown
}

/// A page of the channel, or of a thread of it, since a time.
pub(super) fn list<'a>(
    shelf: &Shelf,
    of: &Account,
    page: usize,
    asked: &impl Fn(&str) -> Option<&'a str>,
) -> Value {
    let oldest: f64 = asked("oldest").and_then(|oldest| oldest.parse().ok()).unwrap_or(0.0);
    let is_new = |post: &&Post| post.id.parse::<f64>().is_ok_and(|at| at > oldest);
    let here = |post: &&Post| post.more["channel"] == of.channel;
    let thread = asked("ts");
    let mut posts: Vec<_> = match thread {
        Some(thread) => {
            let is_of_it =
                |post: &&Post| post.id == thread || post.more["thread_ts"] == thread && is_new(post);
            shelf.newest().filter(here).filter(is_of_it).collect()
        }
        None => {
            let is_top = |post: &&Post| post.more["thread_ts"].is_null() || post.more["broadcast"] == true;
            shelf.newest().filter(here).filter(is_new).filter(is_top).collect()
        }
    };
    if thread.is_some() {
        posts.reverse();
    }
    let limit = asked("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100).min(page);
    let from = asked("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let shown: Vec<_> = posts.iter().skip(from).take(limit).map(|post| show(post)).collect();
    let with_metadata = asked("include_all_metadata") == Some("true");
    let shown = shown.into_iter().map(|mut message| {
        if !with_metadata && message.get("metadata").is_some() {
            message["metadata"] = json!({"event_type": message["metadata"]["event_type"]});
        }
        message
    });
    let shown: Vec<_> = shown.collect();
    let more = from + shown.len() < posts.len();
    let next = if more { (from + shown.len()).to_string() } else { String::new() };
    json!({"messages": shown, "has_more": more, "response_metadata": {"next_cursor": next}})
}
