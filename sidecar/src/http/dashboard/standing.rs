//! What accounts have left: the life of their tokens, and how much they may still publish.

use std::collections::HashMap;

use maud::{Markup, html};
use serde_json::json;
use uuid::Uuid;

use super::access::Asked;
use super::data::{Account, Left, Token};
use super::stop::Stop;
use super::{Dashboard, times, words};
use crate::db::dashboard::{PUBLISH_LIMITS, TOKEN_STATUS};

/// What some accounts have left.
#[derive(Debug, Default)]
pub(super) struct Standings {
    tokens: HashMap<Uuid, Token>,
    limits: HashMap<Uuid, Left>,
}

impl Standings {
    /// Of accounts of a list.
    pub(super) async fn of<'a>(
        dashboard: &Dashboard,
        asked: &Asked,
        accounts: impl Iterator<Item = &'a Account>,
    ) -> Result<Self, Stop> {
        let ids: Vec<_> = accounts.map(|account| account.id).collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let given = json!({ "p_account_ids": ids });
        let tokens: Vec<Token> = dashboard.read(&asked.identity, &TOKEN_STATUS, given.clone()).await?;
        let limits: Vec<Left> = match dashboard.read(&asked.identity, &PUBLISH_LIMITS, given).await {
            // one of them was disconnected meanwhile: the page is there all the same
            Err(Stop::Refused { .. }) => Vec::new(),
            limits => limits?,
        };
        Ok(Self {
            tokens: tokens.into_iter().map(|token| (token.account_id, token)).collect(),
            limits: limits.into_iter().map(|limit| (limit.account_id, limit)).collect(),
        })
    }

    /// What one of them has left, in a few lines.
    pub(super) fn shown(&self, asked: &Asked, account: &Account) -> Markup {
        html! {
            @if let Some(limit) = self.limits.get(&account.id) { (left(asked, limit)) }
            @if let Some(token) = self.tokens.get(&account.id) { (life(asked, account, token)) }
        }
    }
}

fn left(asked: &Asked, limit: &Left) -> Markup {
    html! {
        @if let Some(max) = limit.max {
            p class="line" {
                "Published " (limit.used.unwrap_or(0)) " of " (max) " in "
                (times::span(limit.per.as_deref().unwrap_or_default()))
                @if let Some(at) = limit.resets_at { ", the next from " (times::shown(at, asked.zone())) }
            }
        }
    }
}

/// How long a token lives, and what is done about it.
fn life(asked: &Asked, account: &Account, token: &Token) -> Markup {
    let zone = asked.zone();
    let works = account.status == "active";
    html! {
        @if let Some(end) = token.expires_at {
            @let ended = end <= asked.now;
            p class="line" {
                @if ended { "Its token ended on " } @else { "Its token is good until " }
                (times::shown(end, zone))
                @match token.refresh_at {
                    Some(at) if works && at > asked.now => { ", and is to be renewed from " (times::shown(at, zone)) " on." }
                    Some(_) if works => ", and is to be renewed now.",
                    None if works && ended => ", and is not renewed by itself: the account has to be connected again.",
                    None if works => ", and is not renewed by itself: the account has to be connected again before.",
                    _ => ".",
                }
            }
        } @else {
            p class="line" { "No end of its token is known." }
        }
        @if let Some(end) = token.refresh_expires_at {
            p class="line" { "It can be renewed until " (times::shown(end, zone)) "." }
        }
        @if token.refresh_failures > 0 {
            p class="error" {
                "Renewing it failed"
                @if token.refresh_failures > 1 { " " (token.refresh_failures) " times" }
                @if let Some(at) = token.failed_at { ", last on " (times::shown(at, zone)) }
                ": " (words::error_class(token.failed_with.as_deref().unwrap_or_default()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};

    use super::super::access::tests::asked;
    use super::*;

    const NOW: &str = "2026-12-01T11:00:00Z";

    fn shown(status: &str, token: Value) -> String {
        let id = Uuid::from_u128(3);
        let account = json!({
            "id": id, "workspace_id": Uuid::from_u128(2), "platform": "x", "handle": "alice", "base_url": "https://x.com",
            "status": status, "status_reason": null,
        });
        let mut whole = json!({
            "account_id": id, "expires_at": null, "refresh_expires_at": null, "updated_at": NOW, "refresh_at": null,
            "refresh_failures": 0, "failed_with": null, "failed_at": null,
        });
        whole.as_object_mut().unwrap().extend(token.as_object().unwrap().clone());
        let standings =
            Standings { tokens: [(id, from_value(whole).unwrap())].into(), ..Standings::default() };
        standings.shown(&asked("viewer"), &from_value(account).unwrap()).into_string()
    }

    #[test]
    fn it_says_when_a_token_ends_and_what_is_done_about_it() {
        let (later, before) = ("2026-12-01T13:00:00Z", "2026-12-01T12:30:00Z");
        for (status, token, words) in [
            ("active", json!({}), "No end of its token"),
            ("active", json!({ "expires_at": later, "refresh_at": before }), "13:30</time> on."),
            ("active", json!({ "expires_at": later, "refresh_at": NOW }), "to be renewed now"),
            ("active", json!({ "expires_at": later }), "connected again before."),
            ("active", json!({ "expires_at": "2026-12-01T10:00:00Z" }), "connected again.</p>"),
            ("active", json!({ "refresh_expires_at": later }), "It can be renewed until"),
            (
                "active",
                json!({ "refresh_failures": 3, "failed_with": "rate_limited", "failed_at": NOW }),
                "failed 3 times",
            ),
        ] {
            let text = shown(status, token);
            assert!(text.contains(words), "{words} in {text}");
        }
        let rests = shown("paused", json!({ "expires_at": later, "refresh_at": before }));
        assert!(rests.contains("good until") && !rests.contains("renewed"), "{rests}");
    }

    #[test]
    fn it_says_how_much_is_left_to_publish() {
        let limit = |max: Value| {
            let limit = json!({
                "account_id": Uuid::nil(), "per": "24:00:00", "max": max, "used": 3, "resets_at": null,
            });
            left(&asked("viewer"), &from_value(limit).unwrap()).into_string()
        };
        assert!(limit(json!(10)).contains("Published 3 of 10 in 24 hours"));
        assert_eq!(limit(Value::Null), "");
    }
}
