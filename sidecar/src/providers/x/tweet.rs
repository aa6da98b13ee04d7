//! A post as X takes it, and where people see it.

use crier_core::platform::x::Settings;
use serde::Serialize;

use crate::providers::Account;

/// What is sent. Everything that isn't set is left out.
#[derive(Debug, Serialize)]
pub(super) struct Tweet<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<Media>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Reply<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<Poll<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_settings: Option<&'static str>,
    #[serde(skip_serializing_if = "is_false")]
    made_with_ai: bool,
    #[serde(skip_serializing_if = "is_false")]
    paid_partnership: bool,
}

#[derive(Debug, Serialize)]
struct Media {
    media_ids: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Reply<'a> {
    in_reply_to_tweet_id: &'a str,
}

#[derive(Debug, Serialize)]
struct Poll<'a> {
    options: &'a [String],
    duration_minutes: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl<'a> Tweet<'a> {
    /// A post, which may answer another.
    pub(super) fn new(
        text: &'a str,
        media_ids: Vec<String>,
        settings: &'a Settings,
        answers: Option<&'a str>,
    ) -> Self {
        Self {
            text,
            media: (!media_ids.is_empty()).then_some(Media { media_ids }),
            reply: answers.map(|id| Reply { in_reply_to_tweet_id: id }),
            poll: settings
                .poll
                .as_ref()
                .map(|poll| Poll { options: &poll.options, duration_minutes: poll.minutes }),
            reply_settings: settings.reply_settings.map(|who| who.as_str()),
            made_with_ai: settings.made_with_ai,
            paid_partnership: settings.paid_partnership,
        }
    }
}

/// Where people see a post. Any name leads there, `i` too.
pub(super) fn url(account: &Account, id: &str) -> String {
    let name = if is_handle(&account.handle) { &account.handle } else { "i" };
    format!("https://x.com/{name}/status/{id}")
}

/// The form of an account's name.
pub(super) fn is_handle(text: &str) -> bool {
    (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
