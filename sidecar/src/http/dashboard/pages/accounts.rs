//! The accounts and how they are.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::access::Asked;
use super::super::calls::given;
use super::super::data::{Account, Page};
use super::super::shell::Place;
use super::super::standing::Standings;
use super::super::stop::Stop;
use super::super::{Dashboard, shell, show, words};
use super::connect;
use crate::db::api::only::ACCOUNTS;

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let workspace = asked.workspace.id.to_string();
    let arguments = given([("workspace_id", Some(&workspace)), ("p_cursor", asked.query.get("cursor"))]);
    let page = dashboard.read_page(&asked.identity, &ACCOUNTS, arguments).await;
    let page = page.map_err(|stop| stop.back_to(&format!("{}/accounts", asked.base())))?;
    let standings = Standings::of(&dashboard, &asked, page.items.iter()).await?;
    let content = html! { (view(&asked, &page, &standings)) (connect::view(&dashboard, &asked)) };
    Ok(shell::page(&asked, Place::Accounts, "Accounts", &content))
}

fn view(asked: &Asked, page: &Page<Account>, standings: &Standings) -> Markup {
    html! {
        @if page.is_empty() { p class="empty" { "No account is connected yet: posts need one to go out with." } }
        ul class="cards grid" {
            @for account in &page.items { li { (card(asked, account)) (standings.shown(asked, account)) } }
        }
        (show::next(asked, "/accounts", page.next()))
    }
}

/// An account in a list.
pub(super) fn card(asked: &Asked, account: &Account) -> Markup {
    html! {
        p class="headline" {
            a href=(format!("{}/accounts/{}", asked.base(), account.id)) {
                (show::account(&account.platform, &account.handle))
            }
            " " (show::state(&account.status))
        }
        @if let Some(reason) = &account.status_reason { p class="error" { (words::shortened(reason, 300)) } }
    }
}
