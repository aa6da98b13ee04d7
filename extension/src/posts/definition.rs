//! What a post is before it is somewhere: what its author wrote, and for which accounts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use crier_core::platform::Platform;
use crier_core::thread::{self as parts, Part, Piece};
use pgrx::Uuid;
use serde::Deserialize;
use serde_json::Value;

use super::thread;
use crate::error::{CrierError, Result, find_platform};
use crate::passed::Jsonb;
use crate::plans::Row;

const MAX_ACCOUNTS: usize = 100;
/// The most bytes of a text.
pub(super) const MAX_CONTENT_BYTES: usize = 262_144;
/// The most bytes of media, those of a thread together.
pub(super) const MAX_MEDIA_BYTES: usize = 16 * 1024 * 1024;
const MAX_SETTINGS_BYTES: usize = 65_536;
const MAX_TAGS: usize = 50;
const MAX_TAG_CHARS: usize = 100;

/// What is to be published, as it was given and as it is stored.
#[derive(Clone)]
pub(crate) struct Definition {
    pub(crate) content: String,
    pub(crate) media: Jsonb,
    /// An object by platform.
    pub(crate) settings: Jsonb,
    pub(crate) accounts: Vec<Uuid>,
    /// An object by account: what that has in the place of the above.
    pub(crate) variants: Jsonb,
    /// What follows it.
    pub(crate) thread: Jsonb,
    pub(crate) first_comment: Option<String>,
    pub(crate) split: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) priority: i32,
}

/// What one account has in the place of what the others have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    content: Option<String>,
    media: Option<Value>,
    settings: Option<Value>,
}

/// The same, read once for all accounts.
pub(super) struct Parsed<'a> {
    definition: &'a Definition,
    media: Value,
    settings: Value,
    variants: HashMap<Uuid, Variant>,
    pieces: Vec<Piece>,
}

/// What an account publishes.
pub(super) struct Planned {
    pub(super) parts: Vec<Part>,
    /// In the place of the post's.
    pub(super) media: Option<Jsonb>,
    /// In the place of the post's for its platform.
    pub(super) settings: Option<Jsonb>,
}

impl Definition {
    /// The columns of `posts/definition.sql`, from `at` on.
    pub(crate) fn read(row: &Row<'_>, at: usize) -> Result<Self> {
        Ok(Self {
            content: row.need(at)?,
            media: row.need(at + 1)?,
            settings: row.need(at + 2)?,
            accounts: row.need(at + 3)?,
            variants: row.need(at + 4)?,
            thread: row.need(at + 5)?,
            first_comment: row.get(at + 6)?,
            split: row.need(at + 7)?,
            tags: row.need(at + 8)?,
            priority: row.need(at + 9)?,
        })
    }

    /// Refuses what can't be stored, whatever platforms say of it.
    pub(super) fn parse(&self) -> Result<Parsed<'_>> {
        self.check_sizes()?;
        self.check_accounts()?;
        self.check_tags()?;
        if !(-100..=100).contains(&self.priority) {
            return Err(CrierError::invalid(
                "priority",
                format!("is {}", self.priority),
                "Give a number from -100 to 100; higher comes first.",
            ));
        }
        Ok(Parsed {
            media: self.media.parse("media", MAX_MEDIA_BYTES)?,
            settings: self.parse_settings()?,
            variants: self.parse_variants()?,
            pieces: thread::read(self.thread, self.split)?,
            definition: self,
        })
    }

    fn check_sizes(&self) -> Result<()> {
        for (what, found, limit, unit) in [
            ("accounts", self.accounts.len(), MAX_ACCOUNTS, "elements"),
            ("content", self.content.len(), MAX_CONTENT_BYTES, "bytes"),
            ("first_comment", self.first_comment.as_ref().map_or(0, String::len), MAX_CONTENT_BYTES, "bytes"),
            ("tags", self.tags.len(), MAX_TAGS, "elements"),
        ] {
            if found > limit {
                return Err(CrierError::TooLarge { what, found, limit, unit });
            }
        }
        Ok(())
    }

    fn check_accounts(&self) -> Result<()> {
        let mut seen = HashSet::new();
        match self.accounts.iter().find(|id| !seen.insert(**id)) {
            Some(twice) => Err(CrierError::invalid(
                "accounts",
                format!("name account {twice} twice"),
                "Name each account once.",
            )),
            None => Ok(()),
        }
    }

    fn check_tags(&self) -> Result<()> {
        const HINT: &str = "Give tags of 1 to 100 characters without control characters, each once.";
        let mut seen = HashSet::new();
        for tag in &self.tags {
            let problem = if tag.trim().is_empty() {
                "have an empty one".to_owned()
            } else if tag.chars().count() > MAX_TAG_CHARS || tag.chars().any(char::is_control) {
                format!("have {:?}", tag.chars().take(MAX_TAG_CHARS).collect::<String>())
            } else if !seen.insert(tag) {
                format!("have {tag:?} twice")
            } else {
                continue;
            };
            return Err(CrierError::invalid("tags", problem, HINT));
        }
        Ok(())
    }

    /// Settings are an object by platform; a name that is no platform is a mistake, not an extra.
    fn parse_settings(&self) -> Result<Value> {
        const HINT: &str =
            "Write them as an object by platform, for instance {\"bluesky\": {\"langs\": [\"en\"]}}.";
        let settings = self.settings.parse("settings", MAX_SETTINGS_BYTES)?;
        let Value::Object(fields) = &settings else {
            return Err(CrierError::invalid("settings", "must be a JSON object", HINT));
        };
        fields.keys().try_for_each(|name| find_platform(name).map(drop))?;
        Ok(settings)
    }

    fn parse_variants(&self) -> Result<HashMap<Uuid, Variant>> {
        const HINT: &str = "Write them as an object by account of the post, for instance {\"0193…\": {\"content\": \"…\", \"settings\": {}}}.";
        let given = self.variants.parse("variants", MAX_MEDIA_BYTES)?;
        let given: BTreeMap<String, Value> = serde_json::from_value(given)
            .map_err(|error| CrierError::invalid("variants", format!("can't be read: {error}"), HINT))?;
        let mut variants = HashMap::with_capacity(given.len());
        for (account, variant) in given {
            let bad = |problem: String| CrierError::invalid("variants", problem, HINT);
            let id = account.parse::<uuid::Uuid>().map(|id| Uuid::from_bytes(*id.as_bytes())).ok();
            let id = id.filter(|id| self.accounts.contains(id));
            let shown: String = account.chars().take(80).collect();
            let id = id.ok_or_else(|| bad(format!("name {shown:?}, which is no account of the post")))?;
            let variant: Variant = serde_json::from_value(variant)
                .map_err(|error| bad(format!("can't be read for account {id}: {error}")))?;
            match variant.content.as_ref().map_or(0, String::len) {
                found if found > MAX_CONTENT_BYTES => {
                    let limit = MAX_CONTENT_BYTES;
                    return Err(CrierError::TooLarge { what: "a variant", found, limit, unit: "bytes" });
                }
                _ => {}
            }
            if variant.settings.as_ref().is_some_and(|settings| !settings.is_object()) {
                return Err(bad(format!("have settings for account {id} that are no object")));
            }
            variants.insert(id, variant);
        }
        Ok(variants)
    }
}

impl Parsed<'_> {
    /// What follows the post, as it is stored; nothing where nothing does.
    pub(super) fn stored_thread(&self) -> Option<Jsonb> {
        thread::stored(&self.pieces)
    }

    /// The variants, as they are stored; nothing where there are none.
    pub(super) fn stored_variants(&self) -> Option<Jsonb> {
        (!self.variants.is_empty()).then_some(self.definition.variants)
    }

    /// What the account publishes on its platform; what that would refuse is refused.
    pub(super) fn plan(&self, account: Uuid, platform: &'static Platform) -> Result<Planned> {
        let (draft, settings) = self.draft(account, platform);
        let mut parts = parts::parts(platform, &draft, settings)
            .map_err(|refusals| CrierError::Content { account, refusals })?;
        let own = self.variants.get(&account);
        if let Some(first) = parts.first_mut()
            && first.content.is_none()
        {
            first.content = own.and_then(|own| own.content.clone());
        }
        Ok(Planned {
            parts,
            media: own.and_then(|own| own.media.as_ref()).map(Jsonb::from_value),
            settings: own.and_then(|own| own.settings.as_ref()).map(Jsonb::from_value),
        })
    }

    /// How long the texts of the account are there, and how long they may be.
    pub(super) fn lengths(&self, account: Uuid, platform: &'static Platform) -> Vec<parts::Length> {
        let (draft, settings) = self.draft(account, platform);
        parts::lengths(platform, &draft, settings)
    }

    /// What the account is to publish, with its settings.
    fn draft(&self, account: Uuid, platform: &'static Platform) -> (parts::Draft<'_>, &Value) {
        static NONE: LazyLock<Value> = LazyLock::new(|| Value::Object(serde_json::Map::new()));
        let own = self.variants.get(&account);
        let content = own.and_then(|own| own.content.as_deref()).unwrap_or(&self.definition.content);
        let media = own.and_then(|own| own.media.as_ref()).unwrap_or(&self.media);
        let settings = own.and_then(|own| own.settings.as_ref()).or_else(|| self.settings.get(platform.name));
        let draft = parts::Draft {
            content,
            media,
            thread: &self.pieces,
            first_comment: self.definition.first_comment.as_deref(),
            split: self.definition.split,
        };
        (draft, settings.unwrap_or(&NONE))
    }
}
