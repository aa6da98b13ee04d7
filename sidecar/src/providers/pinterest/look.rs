//! Looks among the pins of a board for one that was sent.

use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use serde::Deserialize;
use serde_json::Value;

use super::api::{Api, is_id, read};
use super::publish::published;
use crate::providers::answer::Phase;
use crate::providers::own_posts::{self, Likeness, Listed, OwnPosts, Page};
use crate::providers::window::answered_at;
use crate::providers::words;
use crate::providers::{Failure, Found, Frozen, Sought};

/// How many pins a page has, and how many pages are read at most. A pin may come in twenty kilobytes.
const PAGE: &str = "25";
const MAX_PAGES: usize = 40;

/// What is said about a pin.
#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    link: Option<String>,
    #[serde(default)]
    alt_text: Option<String>,
}

/// What of the frozen pin is found again.
#[derive(Debug, Deserialize)]
struct Sent {
    board_id: String,
    #[serde(default)]
    board_section_id: Option<String>,
    #[serde(flatten)]
    said: Said,
    media_source: SentMedia,
}

#[derive(Debug, Deserialize)]
struct SentMedia {
    source_type: String,
}

/// A pin as the board shows it.
#[derive(Debug, Deserialize)]
struct Shown {
    id: String,
    #[serde(default)]
    created_at: Value,
    #[serde(flatten)]
    said: Said,
    #[serde(default)]
    is_owner: Option<bool>,
    #[serde(default)]
    media: Option<ShownMedia>,
}

#[derive(Debug, Deserialize)]
struct ShownMedia {
    #[serde(default)]
    media_type: Option<String>,
}

#[derive(Deserialize)]
struct Told {
    items: Vec<Shown>,
    #[serde(default)]
    bookmark: Option<String>,
}

struct Board<'a> {
    api: &'a Api<'a>,
    path: String,
    sent: Sent,
}

/// Looks for the pin.
pub(super) async fn look(api: &Api<'_>, sought: Sought<'_>) -> Result<Found, Failure> {
    let sent = sent(sought.frozen)?;
    let path = match &sent.board_section_id {
        Some(section) => format!("boards/{}/sections/{section}/pins", sent.board_id),
        None => format!("boards/{}/pins", sent.board_id),
    };
    own_posts::search(&Board { api, path, sent }, sought).await
}

fn sent(frozen: &Frozen) -> Result<Sent, Failure> {
    let read = serde_json::from_str(&frozen.request).ok();
    let sent = read
        .filter(|sent: &Sent| is_id(&sent.board_id) && sent.board_section_id.as_deref().is_none_or(is_id));
    sent.ok_or_else(|| Failure::new(ErrorClass::Config, "the stored request is not of this version"))
}

#[async_trait]
impl OwnPosts for Board<'_> {
    type Cursor = String;

    /// Nothing says in what order a board shows its pins, and people move them about.
    fn is_in_order(&self) -> bool {
        false
    }

    fn max_pages(&self) -> usize {
        MAX_PAGES
    }

    async fn page(&self, next: Option<String>) -> Result<Page<String>, Failure> {
        let mut params = vec![("page_size", PAGE)];
        params.extend(next.as_deref().map(|bookmark| ("bookmark", bookmark)));
        let answer = self.api.get(&self.path, &params).await;
        let answered_at = answered_at(&answer);
        let told: Told = read(Phase::Read, answer)?;
        let listed = told.items.iter().map(|shown| listed(shown, &self.sent)).collect::<Result<_, _>>()?;
        Ok(Page { listed, answered_at, next: told.bookmark.filter(|bookmark| !bookmark.is_empty()) })
    }
}

fn listed(shown: &Shown, sent: &Sent) -> Result<Listed, Failure> {
    let at = shown.created_at.as_str().and_then(time);
    let likeness = compare(shown, sent, at.is_some())
        .ok_or_else(|| Failure::new(ErrorClass::Transient, "the list has a pin without an id"))?;
    Ok(Listed { at, likeness })
}

/// With a zone or without one, which then is UTC.
fn time(text: &str) -> Option<SystemTime> {
    let utc = ["Z", "+00:00", "-00:00", "+0000"].iter().find_map(|zone| text.strip_suffix(zone));
    humantime::parse_rfc3339_weak(utc.unwrap_or(text)).ok()
}

/// How a pin compares with what was sent; nothing where it has no id.
fn compare(shown: &Shown, sent: &Sent, is_dated: bool) -> Option<Likeness> {
    let there = published(shown.id.clone())?;
    let kind = match sent.media_source.source_type.as_str() {
        "video_id" => "video",
        source if source.starts_with("multiple_") => "multiple_images",
        _ => "image",
    };
    let shown_kind = shown.media.as_ref().and_then(|media| media.media_type.as_deref());
    // On a board of several people, each pin is somebody's.
    if shown.is_owner == Some(false) || shown_kind.is_some_and(|shown| shown != kind) {
        return Some(Likeness::Different);
    }
    let (sent, shown) = (&sent.said, &shown.said);
    let is_titled = words(&sent.title) == words(&shown.title);
    let is_described = words(&sent.description) == words(&shown.description);
    let is_linked = address(&sent.link) == address(&shown.link);
    // Where nothing was said, Pinterest may have said something itself.
    let alt = words(&sent.alt_text);
    let has_alt = alt.is_empty() || alt == words(&shown.alt_text);
    let says_something =
        sent.title.is_some() || sent.description.is_some() || sent.link.is_some() || !alt.is_empty();
    let is_same = is_titled && is_described && is_linked && has_alt;
    let is_alike = is_titled && sent.title.is_some()
        || is_described && sent.description.is_some()
        || is_linked && sent.link.is_some()
        || is_same;
    Some(match (is_same, is_alike) {
        // A picture without a word could be anybody's.
        (true, _) if says_something && is_dated && shown_kind.is_some() => Likeness::Same(there),
        (_, true) => Likeness::Alike(there.external_id),
        _ => Likeness::Different,
    })
}

fn words(text: &Option<String>) -> Vec<String> {
    words::words(text.as_deref().unwrap_or_default())
}

/// Where a link leads, however it is written.
fn address(link: &Option<String>) -> Option<String> {
    link.as_deref().filter(|link| !link.trim().is_empty()).map(words::address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pin(changes: &[(&str, Value)]) -> Value {
        let mut pin = json!({
            "id": "7", "created_at": "2026-11-18T11:06:40", "title": "A desk", "description": "Gr\u{fc}n  &\nso",
            "link": "https://a.example/?x=1&y=2", "alt_text": null, "is_owner": true, "board_id": "1",
            "media": { "media_type": "image", "images": {} },
        });
        for (name, value) in changes {
            pin[*name] = value.clone();
        }
        pin
    }

    fn compared(changes: &[(&str, Value)], sent: &Value) -> Likeness {
        let sent: Sent = serde_json::from_value(sent.clone()).unwrap();
        listed(&serde_json::from_value(pin(changes)).unwrap(), &sent).unwrap().likeness
    }

    #[test]
    fn words_link_and_kind_make_a_pin_ours() {
        let sent = json!({ "board_id": "1", "title": " A desk", "description": "Gru\u{308}n & so",
                           "link": "https://a.example?x=1&y=2", "media_source": { "source_type": "image_url" } });
        let is = |changes: &[(&str, Value)]| compared(changes, &sent);
        let alike = || Likeness::Alike("7".into());
        assert!(matches!(is(&[]), Likeness::Same(_)));
        assert!(matches!(is(&[("alt_text", json!("a desk, says a machine"))]), Likeness::Same(_)));
        for changes in [
            [("title", json!("Another"))],
            [("description", json!(null))],
            [("link", json!("https://b.example/"))],
            [("created_at", json!("yesterday"))],
            [("created_at", json!(7))],
            [("media", json!(null))],
        ] {
            assert_eq!(is(&changes), alike(), "{changes:?}");
        }
        let others = [("title", json!("x")), ("description", json!("y")), ("link", json!(null))];
        for changes in
            [&others[..], &[("is_owner", json!(false))], &[("media", json!({ "media_type": "video" }))]]
        {
            assert_eq!(is(changes), Likeness::Different, "{changes:?}");
        }
    }

    #[test]
    fn a_picture_without_a_word_may_be_anybodys() {
        let nothing = [("title", json!(null)), ("description", json!("")), ("link", json!(null))];
        let sent = json!({ "board_id": "1", "media_source": { "source_type": "image_url" } });
        assert_eq!(compared(&nothing, &sent), Likeness::Alike("7".into()));
        assert_eq!(compared(&[], &sent), Likeness::Different);
        let described =
            json!({ "board_id": "1", "alt_text": "a desk", "media_source": { "source_type": "image_url" } });
        let told = [&nothing[..], &[("alt_text", json!("a desk"))]].concat();
        assert!(matches!(compared(&told, &described), Likeness::Same(_)));
    }

    #[test]
    fn a_list_is_read_as_a_whole_or_not_at_all() {
        for odd in [json!({ "items": [{}] }), json!({}), json!({ "items": [{ "id": "7", "title": 7 }] })] {
            assert!(serde_json::from_value::<Told>(odd.clone()).is_err(), "{odd}");
        }
        let sent: Sent =
            serde_json::from_value(json!({ "board_id": "1", "media_source": { "source_type": "video_id" } }))
                .unwrap();
        let nameless = serde_json::from_value(pin(&[("id", json!("a/b"))])).unwrap();
        assert_eq!(listed(&nameless, &sent).unwrap_err().class, ErrorClass::Transient);
        for text in ["2026-11-18T11:06:40", "2026-11-18T11:06:40Z", "2026-11-18T11:06:40.000+00:00"] {
            assert!(time(text).is_some(), "{text}");
        }
        assert_eq!(time("2026-11-18T11:06:40+02:00"), None);
    }
}
