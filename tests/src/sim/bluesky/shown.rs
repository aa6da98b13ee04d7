//! Posts as people see them.

use serde_json::Value;

use super::repo::Account;
use super::{NAME, record};
use crate::sim::ledger::rfc3339;
use crate::sim::{Piece, Visible, VisibleImage};

/// The posts of an account as the page shows them.
pub(super) fn posts(account: &Account) -> impl Iterator<Item = Visible> {
    account.posts().map(|(key, post)| Visible {
        platform: NAME,
        handle: account.handle.clone(),
        at: rfc3339(post.at),
        uri: account.uri(record::COLLECTION, key),
        reply_to: record::parent(&post.value),
        text: pieces(post.value["text"].as_str().unwrap_or_default(), &post.value["facets"]),
        images: record::media(&post.value)
            .iter()
            .map(|media| VisibleImage {
                src: format!(
                    "/{NAME}/xrpc/com.atproto.sync.getBlob?did={}&cid={}",
                    account.did,
                    media["blob"]["ref"]["$link"].as_str().unwrap_or_default()
                ),
                alt: media["alt"].as_str().unwrap_or_default().to_owned(),
                aspect_ratio: media["aspectRatio"]["width"]
                    .as_u64()
                    .zip(media["aspectRatio"]["height"].as_u64()),
            })
            .collect(),
    })
}

/// Cuts a text where its facets begin and end. They count in bytes of UTF-8; like the apps, a facet that overlaps
/// the one before or doesn't fall between characters is left out.
fn pieces(text: &str, facets: &Value) -> Vec<Piece> {
    let mut links: Vec<(usize, usize, String)> = facets
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(|facet| {
            let at = |key: &str| facet["index"][key].as_u64().and_then(|at| usize::try_from(at).ok());
            Some((at("byteStart")?, at("byteEnd")?, link(facet["features"].get(0)?)?))
        })
        .collect();
    links.sort();
    let mut pieces = Vec::new();
    let mut done = 0;
    for (start, end, link) in links {
        if start < done || start >= end {
            continue;
        }
        let (Some(before), Some(inside)) = (text.get(done..start), text.get(start..end)) else { continue };
        pieces.push(Piece { text: before.to_owned(), link: None });
        pieces.push(Piece { text: inside.to_owned(), link: Some(link) });
        done = end;
    }
    pieces.push(Piece { text: text[done..].to_owned(), link: None });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

fn link(feature: &Value) -> Option<String> {
    let kind = feature["$type"].as_str()?.strip_prefix("app.bsky.richtext.facet#")?;
    match kind {
        "link" => Some(feature["uri"].as_str()?.to_owned()),
        "mention" => Some(format!("https://bsky.app/profile/{}", feature["did"].as_str()?)),
        "tag" => Some(format!("https://bsky.app/hashtag/{}", feature["tag"].as_str()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn facets_count_bytes() {
        let facets = json!([
            {"index": {"byteStart": 5, "byteEnd": 9}, "features":
                [{"$type": "app.bsky.richtext.facet#tag", "tag": "tag"}]},
            {"index": {"byteStart": 6, "byteEnd": 9}, "features":
                [{"$type": "app.bsky.richtext.facet#tag", "tag": "overlaps"}]},
            {"index": {"byteStart": 1, "byteEnd": 3}, "features":
                [{"$type": "app.bsky.richtext.facet#tag", "tag": "inside the emoji"}]},
        ]);
        let plain = |text: &str| Piece { text: text.into(), link: None };
        let linked = Piece { text: "#tag".into(), link: Some("https://bsky.app/hashtag/tag".into()) };
        assert_eq!(pieces("🎉 #tag!", &facets), [plain("🎉 "), linked, plain("!")]);
        assert_eq!(pieces("", &json!(null)), []);
    }
}
