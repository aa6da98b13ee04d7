//! An account: how it is, what is left of its limits, and what holds it up.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::Duration;
use maud::{Markup, html};
use serde_json::json;

use super::super::access::Asked;
use super::super::data::{Account, Limit};
use super::super::shell::Place;
use super::super::standing::Standings;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, times};
use super::{accounts, connect};
use crate::db::api::only::ACCOUNT;
use crate::db::dashboard::RATE_LIMIT_STATUS;

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let id = asked.id("account")?;
    let account =
        dashboard.read_one::<Account>(&asked.identity, &ACCOUNT, json!({ "account_id": id })).await?;
    let account =
        account.filter(|account| account.workspace_id == asked.workspace.id).ok_or(Stop::NotFound)?;
    let limits = dashboard.read(&asked.identity, &RATE_LIMIT_STATUS, json!({ "p_account_id": id })).await?;
    let standings = Standings::of(&dashboard, &asked, std::iter::once(&account)).await?;
    let has = standings.shown(&asked, &account);
    let again = match needs_login(&account) {
        true => connect::again(&dashboard, &asked, &id.to_string(), &account.platform),
        false => html! {},
    };
    Ok(shell::page(&asked, Place::Accounts, "Account", &view(&asked, &account, &has, &limits, &again)))
}

fn needs_login(account: &Account) -> bool {
    matches!(account.status.as_str(), "reauth_required" | "disconnected")
}

/// `has`: what it has left. `again`: what leads to a new login.
fn view(asked: &Asked, account: &Account, has: &Markup, limits: &[Limit], again: &Markup) -> Markup {
    let id = account.id.to_string();
    let tomorrow = asked.now + Duration::days(1);
    let blocked: Vec<_> = limits.iter().filter(|limit| limit.blocked_until.is_some()).collect();
    html! {
        div class="card" {
            (accounts::card(asked, account))
            p class="line" { "On " (show::link(&account.base_url, &account.base_url)) }
            (has)
            @if needs_login(account) {
                p class="problem" { "It needs a login: connect it again. What waits for it goes out then." }
            }
            (again)
        }
        section aria-labelledby="blocks" {
            h2 id="blocks" { "What holds it up" }
            @if blocked.is_empty() { p class="empty" { "Nothing: it publishes what is due." } }
            ul class="cards" { @for limit in &blocked { li { (block(asked, &id, limit)) } } }
            @if asked.may("block_account") {
                (show::act(asked, "block", &[("account", &id)], &html! {
                    label for="until" { "Let it rest until (" (asked.zone().name()) ")" }
                    input id="until" name="until" type="datetime-local" required value=(times::field(tomorrow, asked.zone()));
                    label for="reason" { "Why" }
                    input id="reason" name="reason" maxlength="200";
                }, &show::labeled("Let it rest", "")))
            }
        }
        section aria-labelledby="limits" {
            h2 id="limits" { "Limits" }
            (table(asked, limits))
        }
    }
}

fn block(asked: &Asked, account: &str, limit: &Limit) -> Markup {
    html! {
        p {
            (what(limit)) ", until "
            (times::shown_text(limit.blocked_until.as_deref().unwrap_or_default(), asked.zone()))
            @if let Some(reason) = &limit.reason { ": " (reason) }
        }
        @if asked.may("unblock_account") && limit.scope == "account" {
            @let action = if is_all(limit) { "" } else { limit.action.as_str() };
            (show::button(asked, "unblock", &[("account", account), ("action", action)], "Let it go on", &limit.action))
        }
    }
}

/// Whether it is about every action.
fn is_all(limit: &Limit) -> bool {
    matches!(limit.action.as_str(), "" | "*" | "all")
}

fn what(limit: &Limit) -> String {
    match is_all(limit) {
        true => "Everything".into(),
        false => limit.action.replace('_', " "),
    }
}

fn table(asked: &Asked, limits: &[Limit]) -> Markup {
    let rows: Vec<_> = limits.iter().filter(|limit| limit.max.is_some()).collect();
    html! {
        @if rows.is_empty() { p class="empty" { "There are none." } }
        @else {
            div class="wide sheet" tabindex="0" role="region" aria-labelledby="limits" {
                table {
                    thead { tr {
                        th scope="col" { "What" } th scope="col" { "In" } th scope="col" { "Used" } th scope="col" { "Left" }
                        th scope="col" { "Begins anew" }
                    } }
                    tbody {
                        @for limit in rows {
                            tr {
                                th scope="row" {
                                    (what(limit))
                                    @if limit.scope != "account" { " (" (limit.scope) ")" }
                                    @if limit.custom { " (your own)" }
                                }
                                td { (times::span(limit.per.as_deref().unwrap_or_default())) }
                                td { (limit.used.unwrap_or(0)) " of " (limit.max.unwrap_or(0)) }
                                td { (limit.remaining.unwrap_or(0)) }
                                td { @if let Some(at) = limit.resets_at { (times::shown(at, asked.zone())) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;
    use uuid::Uuid;

    use super::super::super::access::tests::asked;
    use super::super::super::show::tests::assert_accessible;
    use super::*;

    fn shown(role: &str) -> String {
        let account = json!({
            "id": Uuid::from_u128(3), "workspace_id": Uuid::from_u128(2), "platform": "mastodon", "handle": "<script>",
            "base_url": "javascript:alert(1)", "status": "active", "status_reason": null,
        });
        let limits = json!([
            { "action": "publish", "scope": "account", "per": "01:00:00", "max": 10, "used": 3, "remaining": 7,
              "resets_at": "2026-12-01T12:00:00+00:00", "custom": true, "blocked_until": null, "reason": null },
            { "action": "like", "scope": "account", "per": null, "max": null, "used": null, "remaining": null,
              "resets_at": null, "custom": false, "blocked_until": "infinity", "reason": "<b>" },
        ]);
        let limits: Vec<Limit> = from_value(limits).unwrap();
        view(&asked(role), &from_value(account).unwrap(), &html! {}, &limits, &html! {}).into_string()
    }

    #[test]
    fn it_says_what_is_used_and_what_holds_it_up() {
        let text = shown("admin");
        assert_accessible(&text);
        for part in
            ["3 of 10", "<td>7</td>", "(your own)", "further notice", "/do/unblock", "/do/block", "&lt;b&gt;"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("<script") && !text.contains("href=\"javascript"), "{text}");
        assert!(!shown("editor").contains("<form"));
    }
}
