//! The first page: the workspaces of whoever is signed in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;

use super::super::access::{Person, Workspace};
use super::super::stop::Stop;
use super::super::{Dashboard, acts, shell};
use crate::db::dashboard::MY_WORKSPACES;

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    person: Person,
) -> Result<Response, Stop> {
    let mine: Vec<Workspace> = dashboard.read(&person.identity, &MY_WORKSPACES, json!({})).await?;
    Ok(match &mine[..] {
        [only] => acts::see(&only.base()),
        all => shell::of_person(&person, "Workspaces", &view(all)),
    })
}

fn view(mine: &[Workspace]) -> Markup {
    html! {
        @if mine.is_empty() { p class="empty" { "You are no member of a workspace yet." } }
        ul class="cards grid" {
            @for workspace in mine {
                li { a href=(workspace.base()) { (workspace.name) } " " span class="role" { (workspace.role()) } }
            }
        }
    }
}
