//! A post as the calendar has it.

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
    pub(crate) content: String,
    pub(crate) accounts: Vec<OnAccount>,
    pub(crate) tags: Vec<String>,
    pub(crate) media: Vec<Media>,
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
}

/// One of its images or videos; what else is known of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    pub(crate) url: String,
    pub(crate) alt: String,
    /// `image` or `video`, where its address does not tell.
    pub(crate) kind: Option<String>,
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
