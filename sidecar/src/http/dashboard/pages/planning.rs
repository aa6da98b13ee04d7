//! Making a schedule, and changing one: a form, with the times that come of it before they are kept.

mod form;
mod read;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::super::access::Asked;
use super::super::data::{Coming, Schedule};
use super::super::fields::Fields;
use super::super::filled::{Filled, Problem};
use super::super::forgery::Form;
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, acts, shell};
use super::compose::to_choose;
use super::schedule;
use crate::db::dashboard::{CREATE_SCHEDULE, PREVIEW_SCHEDULE, UPDATE_SCHEDULE};
use crate::http::api::status_of;

/// Of which field each argument is.
const NAMES: [(&str, &str); 12] = [
    ("rule", "rule"),
    ("starts", "starts"),
    ("ends", "ends"),
    ("zone", "zone"),
    ("definition", "rule"),
    ("name", "name"),
    ("template", "content"),
    ("content", "content"),
    ("accounts", "accounts"),
    ("account", "accounts"),
    ("tags", "tags"),
    ("item_rest", "rest"),
];

/// What is shown: the form, what was wrong with it, and what would come of it.
struct Shown<'a> {
    form: &'a Fields,
    problem: Option<Problem>,
    coming: Option<Vec<Coming>>,
    status: StatusCode,
}

pub(in crate::http::dashboard) async fn get_new(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let form = read::empty(&asked);
    show(&dashboard, &asked, None, Shown { form: &form, problem: None, coming: None, status: StatusCode::OK })
        .await
}

pub(in crate::http::dashboard) async fn get_change(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
) -> Result<Response, Stop> {
    let old = schedule::find(&dashboard, &asked).await?;
    let form = read::of(&old);
    let shown = Shown { form: &form, problem: None, coming: None, status: StatusCode::OK };
    show(&dashboard, &asked, Some(&old), shown).await
}

pub(in crate::http::dashboard) async fn post_new(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
    Form(form): Form,
) -> Result<Response, Stop> {
    take(&dashboard, &asked, None, &form).await
}

pub(in crate::http::dashboard) async fn post_change(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
    Form(form): Form,
) -> Result<Response, Stop> {
    let old = schedule::find(&dashboard, &asked).await?;
    take(&dashboard, &asked, Some(&old), &form).await
}

/// Shows what would come of a form, or keeps it.
async fn take(
    dashboard: &Dashboard,
    asked: &Asked,
    old: Option<&Schedule>,
    form: &Fields,
) -> Result<Response, Stop> {
    let refused = |problem, status| Shown { form, problem: Some(problem), coming: None, status };
    let arguments = match read::arguments(asked, form, old) {
        Ok(arguments) => arguments,
        Err(problem) => {
            return show(dashboard, asked, old, refused(problem, StatusCode::UNPROCESSABLE_ENTITY)).await;
        }
    };
    let done = match (form.get("keep").is_some(), old) {
        (false, _) => {
            let definition = json!({ "definition": read::definition(&arguments) });
            let coming = dashboard.read(&asked.identity, &PREVIEW_SCHEDULE, definition).await;
            coming.map(Done::Previewed)
        }
        (true, None) => {
            let made = dashboard.write(&asked.identity, &CREATE_SCHEDULE, arguments).await;
            made.map(|rows| {
                Done::Kept(rows.first().and_then(Value::as_str).unwrap_or_default().to_owned(), "scheduled")
            })
        }
        (true, Some(old)) => {
            let kept = dashboard.write(&asked.identity, &UPDATE_SCHEDULE, arguments).await;
            kept.map(|_| Done::Kept(old.id.to_string(), "schedule_changed"))
        }
    };
    match done {
        Ok(Done::Previewed(coming)) => {
            let shown = Shown { form, problem: None, coming: Some(coming), status: StatusCode::OK };
            show(dashboard, asked, old, shown).await
        }
        Ok(Done::Kept(id, word)) => {
            Ok(acts::see(&acts::with_done(&format!("{}/schedules/{id}", asked.base()), word)))
        }
        Err(Stop::Refused { refusal, .. }) if status_of(&refusal.state).is_client_error() => {
            let status = status_of(&refusal.state);
            show(dashboard, asked, old, refused(Problem::of_sql(refusal, &NAMES), status)).await
        }
        Err(stop) => Err(stop),
    }
}

/// What was done with a form.
enum Done {
    Previewed(Vec<Coming>),
    /// The schedule, and the word that says it.
    Kept(String, &'static str),
}

async fn show(
    dashboard: &Dashboard,
    asked: &Asked,
    old: Option<&Schedule>,
    shown: Shown<'_>,
) -> Result<Response, Stop> {
    let accounts = to_choose(dashboard, asked).await?;
    let problem = shown.problem.map(|problem| problem.naming(&accounts));
    let filled = Filled { form: shown.form, problem: problem.as_ref() };
    let content = form::view(asked, old, &accounts, filled, shown.coming.as_deref());
    let title = if old.is_some() { "Change the schedule" } else { "New schedule" };
    Ok(shell::answered(asked, Place::Schedules, title, &content, shown.status))
}
