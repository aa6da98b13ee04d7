//! A post as the calendar has it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// A post, or a time at which a schedule will make one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) due_at: DateTime<Utc>,
    /// None: a schedule makes it then.
    pub(crate) post_id: Option<Uuid>,
    pub(crate) state: String,
    /// As much of it as a calendar has room for.
    pub(crate) content: String,
    pub(crate) accounts: Vec<OnAccount>,
    /// How many images and videos it has.
    pub(crate) media: i32,
}

/// What `crier.get_post` has of a post that a calendar has no room for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Full {
    pub(crate) id: Uuid,
    pub(crate) content: String,
    pub(crate) media: Vec<Media>,
    pub(crate) tags: Vec<String>,
    /// Whether it is more than a text with media: a thread, a first comment, variants, settings.
    pub(crate) has_more: bool,
}

impl Full {
    /// Reads it.
    pub(crate) fn read(post: &Value) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Post {
            id: Uuid,
            content: String,
            media: Value,
            #[serde(default)]
            tags: Vec<String>,
        }
        let read = Post::deserialize(post).map_err(|error| error.to_string())?;
        let is_empty = |name: &str| match &post[name] {
            Value::Array(list) => list.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            value => value.is_null(),
        };
        let has_more =
            ["thread", "first_comment", "variants", "settings"].into_iter().any(|name| !is_empty(name));
        let media = Media::list(&read.media)?;
        Ok(Self { id: read.id, content: read.content, media, tags: read.tags, has_more })
    }
}

/// How it stands with one of its accounts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct OnAccount {
    pub(crate) account_id: Uuid,
    pub(crate) platform: String,
    pub(crate) handle: String,
    /// None before it has a target there.
    pub(crate) state: Option<String>,
    pub(crate) url: Option<String>,
    /// Where slots give each account a time of its own.
    pub(crate) due_at: Option<DateTime<Utc>>,
}

/// One of its images or videos; what else is known of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    pub(crate) url: String,
    pub(crate) alt: String,
    /// `image` or `video`, where its address does not tell.
    pub(crate) kind: Option<String>,
}

impl Entry {
    /// The same, once for each time at which some of its accounts are due.
    pub(crate) fn by_time(&self) -> Vec<Self> {
        let mut times: BTreeMap<DateTime<Utc>, Vec<OnAccount>> = BTreeMap::new();
        for on in &self.accounts {
            times.entry(on.due_at.unwrap_or(self.due_at)).or_default().push(on.clone());
        }
        if times.is_empty() {
            return vec![self.clone()];
        }
        times.into_iter().map(|(due_at, accounts)| Self { due_at, accounts, ..self.clone() }).collect()
    }
}

impl OnAccount {
    /// `bluesky:alice.test`.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.platform, self.handle)
    }
}

impl Media {
    /// The media of a post, as [`crier_core::media`] has them.
    pub(crate) fn list(media: &Value) -> Result<Vec<Self>, String> {
        let attachments = crier_core::media::parse(media).map_err(|error| error.to_string())?;
        let media = attachments.into_iter().map(|media| Self {
            url: media.url,
            alt: media.alt,
            kind: media.stated.map(|kind| kind.as_str().to_owned()),
        });
        Ok(media.collect())
    }

    /// The same the other way.
    pub(crate) fn json(list: &[Self]) -> Value {
        let one = |media: &Self| {
            let mut fields = serde_json::json!({ "url": media.url, "alt": media.alt });
            if let (Some(kind), Value::Object(fields)) = (&media.kind, &mut fields) {
                fields.insert("type".into(), kind.as_str().into());
            }
            fields
        };
        list.iter().map(one).collect()
    }
}
