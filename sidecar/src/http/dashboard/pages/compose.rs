//! A new post: a form, with what SQL says of it beside the field that it is about.

mod counts;
mod form;
mod read;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::super::access::Asked;
use super::super::calls::given;
use super::super::data::{Account, Page};
use super::super::fields::Fields;
use super::super::filled::{Filled, Problem};
use super::super::forgery::Form;
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, acts, shell};
use crate::db::api::only::ACCOUNTS;
use crate::db::dashboard::CREATE_POST;
use crate::http::api::status_of;

/// The accounts to choose from.
const MOST: &str = "200";
/// Of which field each argument is.
const NAMES: [(&str, &str); 10] = [
    ("content", "content"),
    ("accounts", "accounts"),
    ("account", "accounts"),
    ("scheduled_at", "at"),
    ("next_slot", "at"),
    ("tags", "tags"),
    ("media", "media"),
    ("thread", "part"),
    ("first_comment", "first_comment"),
    ("settings", "settings"),
];

pub(in crate::http::dashboard) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    // what the calendar brings along
    show_form(&dashboard, &asked, &asked.query, None, StatusCode::OK).await
}

pub(in crate::http::dashboard) async fn post(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
    Form(form): Form,
) -> Result<Response, Stop> {
    if form.get("more").is_some() {
        return show_form(&dashboard, &asked, &form, None, StatusCode::OK).await;
    }
    let arguments = match read::arguments(&asked, &form) {
        Ok(arguments) => arguments,
        Err(problem) => {
            return show_form(&dashboard, &asked, &form, Some(problem), StatusCode::UNPROCESSABLE_ENTITY)
                .await;
        }
    };
    match dashboard.write(&asked.identity, &CREATE_POST, arguments).await {
        Ok(rows) => {
            let id = rows.first().and_then(Value::as_str).ok_or(Stop::NotFound)?;
            let done = if form.get("draft").is_some() { "drafted" } else { "planned" };
            Ok(acts::see(&acts::with_done(&format!("{}/posts/{id}", asked.base()), done)))
        }
        Err(Stop::Refused { refusal, .. }) if status_of(&refusal.state).is_client_error() => {
            let status = status_of(&refusal.state);
            show_form(&dashboard, &asked, &form, Some(Problem::of_sql(refusal, &NAMES)), status).await
        }
        Err(stop) => Err(stop),
    }
}

async fn show_form(
    dashboard: &Dashboard,
    asked: &Asked,
    form: &Fields,
    problem: Option<Problem>,
    status: StatusCode,
) -> Result<Response, Stop> {
    let accounts = to_choose(dashboard, asked).await?;
    let problem = problem.map(|problem| problem.naming(&accounts));
    let content = form::view(asked, &accounts, Filled { form, problem: problem.as_ref() });
    Ok(shell::answered(asked, Place::Posts, "New post", &content, status))
}

/// The accounts of the workspace.
pub(super) async fn to_choose(dashboard: &Dashboard, asked: &Asked) -> Result<Vec<Account>, Stop> {
    let arguments = given([("workspace_id", Some(&asked.workspace.id.to_string())), ("p_limit", Some(MOST))]);
    let accounts: Page<Account> = dashboard.read_page(&asked.identity, &ACCOUNTS, arguments).await?;
    Ok(accounts.items)
}
