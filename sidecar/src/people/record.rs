//! A post as it stands in a file, whatever the format.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::entry::{Entry, Full, Media};
use crate::hex::hex;

/// A post in a file.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Record {
    /// What it is called elsewhere; empty where it has no name.
    pub(crate) id: String,
    /// None: a draft without a time.
    pub(crate) at: Option<DateTime<Utc>>,
    /// The zone that its line names.
    pub(crate) zone: Option<Tz>,
    /// As people name accounts, see [`super::accounts`].
    pub(crate) accounts: Vec<String>,
    pub(crate) content: String,
    pub(crate) media: Vec<Media>,
    pub(crate) tags: Vec<String>,
    pub(crate) state: String,
    pub(crate) urls: Vec<String>,
}

/// A line of a file, by the number that an editor shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) number: u64,
    /// The post, or why it is none.
    pub(crate) record: Result<Record, String>,
    /// What the clocks made of its time.
    pub(crate) note: Option<String>,
}

/// What an import makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Schedule,
    Draft,
    /// Not made: it has been published, or was to be no more.
    PassOver,
}

impl Record {
    /// A post of the calendar; `names` gives each of its accounts the name it is found by again.
    pub(crate) fn of(entry: &Entry, full: &Full, id: String, zone: Tz, names: Vec<String>) -> Self {
        // the bytes of an image are no matter for a table
        let media = full.media.iter().filter(|media| !media.url.starts_with("data:"));
        Self {
            id,
            at: Some(entry.due_at),
            zone: Some(zone),
            accounts: names,
            content: full.content.clone(),
            media: media.cloned().collect(),
            tags: full.tags.clone(),
            state: entry.state.clone(),
            urls: entry.accounts.iter().filter_map(|on| on.url.clone()).collect(),
        }
    }

    /// What to make of it by its state.
    pub(crate) fn wish(&self) -> Result<Wish, String> {
        Ok(match self.state.as_str() {
            "" | "scheduled" | "approved" => Wish::Schedule,
            "draft" | "in_review" => Wish::Draft,
            "publishing" | "partly_published" | "published" | "failed" | "unconfirmed" | "canceled"
            | "cancelled" | "planned" => Wish::PassOver,
            other => {
                let shown: String = other.chars().take(40).collect();
                return Err(format!(
                    "there is no state {shown:?}: write scheduled or draft, or leave it out"
                ));
            }
        })
    }

    /// What tells it from others, so that it is not made twice: its id, or what it says, when and where.
    pub(crate) fn source_id(&self) -> String {
        if !self.id.is_empty() {
            return self.id.clone();
        }
        let mut accounts = self.accounts.clone();
        accounts.sort_unstable();
        let said: Value = json!([
            self.at.map(|at| at.timestamp_micros()),
            accounts,
            self.content,
            Media::json(&self.media),
        ]);
        format!("sha256:{}", hex(&Sha256::digest(said.to_string())))
    }
}

#[cfg(test)]
pub(super) mod arbitrary {
    use proptest::prelude::*;

    use super::*;

    /// Texts that break tables and calendars.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~äß日本👍\n\t]{0,120}",
            "['=+@\t\r,;:\"\\\\nN-][ -~\n'\"]{0,20}",
            "(日本語の投稿👩‍👩‍👧 ){0,40}",
            "\\PC{0,60}",
        ]
    }

    fn media() -> impl Strategy<Value = Media> {
        let kind = prop_oneof![Just(None), Just(Some("image".to_owned())), Just(Some("video".to_owned()))];
        ("https://[a-z]{1,10}/[!-~]{0,40}", text(), kind).prop_map(|(url, alt, kind)| Media {
            url,
            alt,
            kind,
        })
    }

    /// A record as an export makes it.
    pub(in crate::people) fn record() -> impl Strategy<Value = Record> {
        (
            "[0-9a-f]{8}-[0-9a-f]{4}|",
            1_800_000_000_000_000_i64..4_000_000_000_000_000,
            0..chrono_tz::TZ_VARIANTS.len(),
            proptest::collection::vec("(bluesky|mastodon):[a-z.@-]{1,20}|@[a-z]{1,8}", 0..4),
            text(),
            proptest::collection::vec(media(), 0..3),
            proptest::collection::vec("[a-zäö日,;\\[\"=@ \\\\-]{1,12}", 0..4),
            "(scheduled|draft|published|failed)?",
            proptest::collection::vec("https://[!-~]{1,30}", 0..3),
        )
            .prop_map(|(id, micros, zone, accounts, content, media, tags, state, urls)| Record {
                id,
                at: DateTime::from_timestamp_micros(micros),
                zone: Some(chrono_tz::TZ_VARIANTS[zone]),
                accounts,
                content,
                media,
                tags,
                state,
                urls,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_without_a_name_is_told_by_what_it_says() {
        let one =
            Record { content: "Hi".into(), accounts: vec!["a:b".into(), "c:d".into()], ..Record::default() };
        let other =
            Record { accounts: vec!["c:d".into(), "a:b".into()], tags: vec!["x".into()], ..one.clone() };
        assert_eq!(one.source_id(), other.source_id());
        assert!(one.source_id().starts_with("sha256:") && one.source_id().len() == 7 + 64);
        assert_ne!(one.source_id(), Record { content: "Ho".into(), ..one.clone() }.source_id());
        assert_ne!(one.source_id(), Record { at: DateTime::from_timestamp(1, 0), ..one.clone() }.source_id());
        assert_eq!(Record { id: "x".into(), ..one }.source_id(), "x");
    }

    #[test]
    fn only_what_is_to_come_is_made() {
        let wish = |state: &str| Record { state: state.into(), ..Record::default() }.wish();
        assert_eq!(
            (wish(""), wish("draft"), wish("published")),
            (Ok(Wish::Schedule), Ok(Wish::Draft), Ok(Wish::PassOver))
        );
        assert!(wish("soon").unwrap_err().contains("\"soon\""));
    }
}
