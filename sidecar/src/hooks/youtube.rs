//! YouTube: WebSub, a feed of a channel's videos as Atom.

use serde_json::{Value, json};

use super::part::Received;
use super::sign::{is_hmac, is_hmac_sha1, is_one_of};
use super::{Answer, Delivery, Findings, Keys, Query, Refusal, Scheme, any_secret, no_ping};
use crate::hex::unhex;

pub(super) const YOUTUBE: Scheme = Scheme {
    platform: "youtube",
    media_types: &["application/atom+xml", "application/xml", "text/xml"],
    check_secret: any_secret,
    needs_token: true,
    verify,
    handshake: Some(handshake),
    ping: no_ping,
    read,
    interpret,
    stored: 204,
};

const FEED: &str = "http://www.youtube.com/xml/schemas/2015";
const TOMBSTONE: &str = "http://purl.org/atompub/tombstones/1.0";

fn verify(delivery: &Delivery<'_>, keys: &Keys) -> Result<(), Refusal> {
    let (method, signature) =
        delivery.header("x-hub-signature")?.split_once('=').ok_or(Refusal::Malformed)?;
    let signature = unhex(signature).ok_or(Refusal::Malformed)?;
    let holds = match method {
        "sha1" => is_hmac_sha1(&keys.secrets, delivery.body, &signature),
        "sha256" => is_hmac(&keys.secrets, &[delivery.body], &signature),
        _ => return Err(Refusal::Malformed),
    };
    if holds { Ok(()) } else { Err(Refusal::WrongSignature) }
}

/// The hub asks whether somebody here wants, or no longer wants, a feed.
fn handshake(query: &Query, keys: &Keys) -> Result<Answer, Refusal> {
    if !matches!(query.get("hub.mode"), Some("subscribe" | "unsubscribe")) {
        return Err(Refusal::NoHandshake);
    }
    let token = query.get("hub.verify_token").ok_or(Refusal::WrongToken)?;
    if !is_one_of(&keys.verify_token, token) {
        return Err(Refusal::WrongToken);
    }
    query.challenge("hub.challenge").map(|challenge| Answer::Text(challenge.to_owned()))
}

fn read(delivery: &Delivery<'_>) -> Received {
    let text = std::str::from_utf8(delivery.body).ok();
    // without a DTD, so that there is nothing to expand
    match text.and_then(|text| roxmltree::Document::parse(text).ok()) {
        Some(feed) => videos(&feed),
        None => Received::unreadable(YOUTUBE.platform, delivery.body),
    }
}

/// What the feed says: one channel's videos, new, changed or gone.
fn videos(feed: &roxmltree::Document<'_>) -> Received {
    let text = |node: roxmltree::Node<'_, '_>, name: &str| {
        let found = node.descendants().find(|child| child.tag_name().name() == name);
        found.and_then(|child| child.text()).map(|text| text.trim().to_owned())
    };
    let nodes = feed.root().descendants();
    let mut channel = None;
    let mut videos = Vec::new();
    let mut deleted = Vec::new();
    for node in nodes {
        if node.has_tag_name((TOMBSTONE, "deleted-entry")) {
            // yt:video:ID
            let video = node.attribute("ref").and_then(|id| id.rsplit(':').next()).map(str::to_owned);
            deleted.push(json!({ "video_id": video, "when": node.attribute("when") }));
            let uri = text(node, "uri");
            channel = channel.or_else(|| uri?.rsplit('/').next().map(str::to_owned));
        } else if node.has_tag_name((FEED, "videoId")) {
            let Some(entry) = node.parent() else { continue };
            channel = channel.or_else(|| text(entry, "channelId"));
            videos.push(json!({
                "video_id": node.text(),
                "channel_id": text(entry, "channelId"),
                "title": text(entry, "title"),
                "published": text(entry, "published"),
                "updated": text(entry, "updated"),
            }));
        }
    }
    let payload = json!({ "videos": videos, "deleted": deleted });
    Received::one(YOUTUBE.platform, channel, payload)
}

fn interpret(payload: &Value) -> Findings {
    let has = |list: &str| payload[list].as_array().is_some_and(|list| !list.is_empty());
    let kinds = [("videos", "video"), ("deleted", "video_deleted")];
    let kinds: Vec<String> =
        kinds.into_iter().filter(|(list, _)| has(list)).map(|(_, kind)| kind.to_owned()).collect();
    // a video that was uploaded is there now
    let videos = payload["videos"].as_array().into_iter().flatten();
    let publish_ids = videos.filter_map(|video| video["video_id"].as_str().map(str::to_owned)).collect();
    if kinds.is_empty() { Findings::kind("unknown") } else { Findings { kinds, publish_ids, revoked: None } }
}
