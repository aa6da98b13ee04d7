//! What each post of a schedule is made of: the arguments of crier.create_post() as an object.

use pgrx::Uuid;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{CrierError, Result};
use crate::passed::Jsonb;
use crate::posts::Definition;

/// The most bytes of a template, and of items that are added together.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;
const HINT: &str = "Write {\"content\": \"…\", \"accounts\": [\"…\"]}, with media, settings, variants, thread, first_comment, split and \
                    tags as crier.create_post() takes them.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    #[serde(default)]
    content: String,
    #[serde(default)]
    accounts: Vec<String>,
    media: Option<Value>,
    settings: Option<Value>,
    variants: Option<Value>,
    thread: Option<Value>,
    first_comment: Option<String>,
    #[serde(default)]
    split: bool,
    #[serde(default)]
    tags: Vec<String>,
}

/// A template, or an item, as an object.
pub(super) fn object(template: Jsonb, name: &'static str) -> Result<Map<String, Value>> {
    match template.parse(name, MAX_BYTES)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(CrierError::invalid(name, "must be a JSON object", HINT)),
    }
}

/// The post that a template makes; of an evergreen schedule with an item's own fields in the place of the template's.
pub(super) fn definition(
    template: &Map<String, Value>,
    item: Option<&Map<String, Value>>,
    priority: i32,
) -> Result<Definition> {
    let mut fields = template.clone();
    fields.extend(item.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
    // As it is where an argument is left out
    fields.retain(|_, value| !value.is_null());
    let name = if item.is_some() { "items" } else { "template" };
    let bad = |problem: String| CrierError::invalid(name, problem, HINT);
    let template: Template = serde_json::from_value(Value::Object(fields))
        .map_err(|error| bad(format!("can't be read: {error}")))?;
    let account = |text: &String| {
        let id = text.parse::<uuid::Uuid>().map(|id| Uuid::from_bytes(*id.as_bytes()));
        id.map_err(|_| {
            bad(format!("name {:?}, which is no id of an account", text.chars().take(80).collect::<String>()))
        })
    };
    let or = |value: Option<Value>, default: Value| Jsonb::from_value(&value.unwrap_or(default));
    Ok(Definition {
        content: template.content,
        media: or(template.media, json!([])),
        settings: or(template.settings, json!({})),
        accounts: template.accounts.iter().map(account).collect::<Result<_>>()?,
        variants: or(template.variants, json!({})),
        thread: or(template.thread, json!([])),
        first_comment: template.first_comment.filter(|text| !text.is_empty()),
        split: template.split,
        tags: template.tags,
        priority,
    })
}
