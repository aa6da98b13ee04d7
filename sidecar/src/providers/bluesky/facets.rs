//! Rich text: links, mentions and tags with their UTF-8 byte offsets.

use std::collections::{BTreeMap, BTreeSet};

use crier_core::text::{self, Meaning, Part};
use serde_json::{Value, json};
use url::Url;

/// The most accounts a post mentions: each is a call. Those after stay plain text.
const MAX_MENTIONED: usize = 30;

/// The parts of a text that mean something. A link that can't be followed, or carries a password, is plain text.
fn parts(text: &str) -> impl Iterator<Item = Part> {
    text::parts(text).into_iter().filter(|part| match &part.meaning {
        Meaning::Link { uri } => Url::parse(uri)
            .is_ok_and(|url| url.host().is_some() && url.username().is_empty() && url.password().is_none()),
        Meaning::Mention { .. } | Meaning::Tag { .. } => true,
    })
}

/// The handles that are mentioned, in lower case: each once, the first ones of too many.
pub(super) fn mentioned(text: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    parts(text)
        .filter_map(|part| match part.meaning {
            Meaning::Mention { handle } => Some(handle),
            Meaning::Link { .. } | Meaning::Tag { .. } => None,
        })
        .filter(|handle| seen.insert(handle.clone()))
        .take(MAX_MENTIONED)
        .collect()
}

/// The facets of a record. A mention of a handle that belongs to nobody stays plain text.
pub(super) fn facets(text: &str, dids: &BTreeMap<String, Option<String>>) -> Vec<Value> {
    let feature = |meaning: &Meaning| match meaning {
        Meaning::Link { uri } => Some(json!({ "$type": "app.bsky.richtext.facet#link", "uri": uri })),
        Meaning::Tag { tag } => Some(json!({ "$type": "app.bsky.richtext.facet#tag", "tag": tag })),
        Meaning::Mention { handle } => {
            let did = dids.get(handle)?.as_ref()?;
            Some(json!({ "$type": "app.bsky.richtext.facet#mention", "did": did }))
        }
    };
    let facet = |part: Part| {
        Some(json!({
            "index": { "byteStart": part.range.start, "byteEnd": part.range.end },
            "features": [feature(&part.meaning)?],
        }))
    };
    parts(text).filter_map(facet).collect()
}

#[cfg(test)]
mod tests;
