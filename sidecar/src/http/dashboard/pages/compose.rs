//! A new post: a form, with what SQL says of it beside the field that it is about.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::super::access::Asked;
use super::super::calls::given;
use super::super::data::{Account, Page};
use super::super::fields::Fields;
use super::super::shell::Place;
use super::super::stop::Stop;
use super::super::{Dashboard, acts, forgery, shell, show, times};
use crate::db::api::Refusal;
use crate::db::api::only::ACCOUNTS;
use crate::db::dashboard::CREATE_POST;
use crate::http::api::status_of;

/// The accounts to choose from.
const MOST: &str = "200";

/// What was wrong, and with which field; none: with none of them alone.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    field: Option<&'static str>,
    words: String,
    hint: Option<String>,
}

impl Problem {
    /// The same with accounts by their names: SQL knows them by their ids.
    fn naming(self, accounts: &[Account]) -> Self {
        let named = |words: String, account: &Account| {
            words.replace(
                &format!("account {}", account.id),
                &format!("{}: {}", account.platform, account.handle),
            )
        };
        Self { words: accounts.iter().fold(self.words, named), ..self }
    }
}

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
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Stop> {
    let form = forgery::read(asked.session(), &headers, body).await?;
    let arguments = match arguments(&asked, &form) {
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
            show_form(&dashboard, &asked, &form, Some(of_sql(refusal)), status).await
        }
        Err(stop) => Err(stop),
    }
}

fn arguments(asked: &Asked, form: &Fields) -> Result<Value, Problem> {
    let at = form.get("at").filter(|_| form.get("when") != Some("now"));
    let at = at.map(|text| times::read(text, asked.zone())).transpose().map_err(|words| Problem {
        field: Some("at"),
        words,
        hint: None,
    })?;
    let tags = form.get("tags").unwrap_or_default().split(',').map(str::trim).filter(|tag| !tag.is_empty());
    let mut arguments = given([
        ("workspace_id", Some(&asked.workspace.id.to_string())),
        ("scheduled_at", at.map(|at| at.to_rfc3339()).as_deref()),
    ]);
    // browsers end lines with two characters
    arguments["content"] = json!(form.all("content").next().unwrap_or_default().replace("\r\n", "\n"));
    arguments["accounts"] = json!(form.all("account").collect::<Vec<_>>());
    arguments["tags"] = json!(tags.collect::<Vec<_>>());
    arguments["draft"] = json!(form.get("draft").is_some());
    arguments["next_slot"] = json!(form.get("when") == Some("slot"));
    Ok(arguments)
}

/// To which field a refusal belongs: SQL begins with the argument's name, and says of a content what a platform does not take.
fn of_sql(refusal: Refusal) -> Problem {
    let named = refusal.message.split([' ', ':', ',']).next().unwrap_or_default();
    let field = match (named, refusal.reason.as_deref()) {
        // of a text it names the account whose platform does not take it
        (_, Some("content_invalid")) | ("content", _) => Some("content"),
        ("accounts" | "account", _) => Some("accounts"),
        ("scheduled_at" | "next_slot", _) => Some("at"),
        ("tags", _) => Some("tags"),
        _ => None,
    };
    Problem { field, words: refusal.message, hint: refusal.hint }
}

async fn show_form(
    dashboard: &Dashboard,
    asked: &Asked,
    form: &Fields,
    problem: Option<Problem>,
    status: StatusCode,
) -> Result<Response, Stop> {
    let arguments = given([("workspace_id", Some(&asked.workspace.id.to_string())), ("p_limit", Some(MOST))]);
    let accounts: Page<Account> = dashboard.read_page(&asked.identity, &ACCOUNTS, arguments).await?;
    let problem = problem.map(|problem| problem.naming(&accounts.items));
    let content = view(asked, &accounts.items, form, problem.as_ref());
    Ok(shell::answered(asked, Place::Posts, "New post", &content, status))
}

fn view(asked: &Asked, accounts: &[Account], form: &Fields, problem: Option<&Problem>) -> Markup {
    if !asked.may("create_post") {
        return html! { p { "Viewers read posts; editors write them." } };
    }
    let of = |field: &'static str| problem.filter(|problem| problem.field == Some(field));
    let is_wrong = |field| of(field).map(|_| "true");
    let described = |field| of(field).map(|_| format!("{field}-problem"));
    let chosen: Vec<_> = form.all("account").collect();
    let when = form.get("when").unwrap_or(if form.get("at").is_some() { "at" } else { "now" });
    let at = form.get("at").map_or_else(|| times::field(asked.now, asked.zone()), str::to_owned);
    html! {
        @if let Some(problem) = problem {
            div class="problem" role="alert" {
                p { "The post was not made. " @if problem.field.is_none() { (problem.words) } @else { "See below what is wrong." } }
                @if problem.field.is_none() { @if let Some(hint) = &problem.hint { p { (hint) } } }
            }
        }
        form class="compose" method="post" action=(format!("{}/posts", asked.base())) data-keep {
            input type="hidden" name=(forgery::FIELD) value=(asked.form_token());
            label for="content" { "Text" }
            (told("content", of("content")))
            // a first line break is not of the text
            textarea id="content" name="content" rows="8" dir="auto" aria-invalid=[is_wrong("content")]
                aria-describedby=[described("content")] { "\n" (form.all("content").next().unwrap_or_default()) }
            fieldset aria-describedby=[described("accounts")] {
                legend { "Accounts" }
                (told("accounts", of("accounts")))
                @if accounts.is_empty() { p { "No account is connected yet." } }
                @for account in accounts {
                    @let id = account.id.to_string();
                    div class="choice" {
                        input type="checkbox" id=(format!("account-{id}")) name="account" value=(id)
                            checked[chosen.contains(&id.as_str())];
                        label for=(format!("account-{id}")) {
                            (show::account(&account.platform, &account.handle))
                            @if account.status != "active" { " " (show::state(&account.status)) }
                        }
                    }
                }
            }
            fieldset aria-describedby=[described("at")] {
                legend { "When" }
                (told("at", of("at")))
                @for (value, label) in [("now", "Now"), ("slot", "At the next slot of each account"), ("at", "At a time")] {
                    div class="choice" {
                        input type="radio" id=(format!("when-{value}")) name="when" value=(value) checked[when == value];
                        label for=(format!("when-{value}")) { (label) }
                    }
                }
                label for="at" { "Time (" (asked.zone().name()) ")" }
                input id="at" name="at" type="datetime-local" value=(at) aria-invalid=[is_wrong("at")];
            }
            label for="tags" { "Tags, with commas between them" }
            (told("tags", of("tags")))
            input id="tags" name="tags" value=(form.get("tags").unwrap_or_default()) aria-invalid=[is_wrong("tags")]
                aria-describedby=[described("tags")];
            div class="choice" {
                input type="checkbox" id="draft" name="draft" value="1" checked[form.get("draft").is_some()];
                label for="draft" { "Only a draft: nothing is published" }
            }
            button type="submit" { "Make the post" }
        }
    }
}

fn told(field: &str, problem: Option<&Problem>) -> Markup {
    html! {
        @if let Some(problem) = problem {
            p class="problem" id=(format!("{field}-problem")) {
                (problem.words)
                @if let Some(hint) = &problem.hint { " " (hint) }
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

    fn accounts() -> Vec<Account> {
        let account = json!({
            "id": Uuid::from_u128(3), "workspace_id": Uuid::from_u128(2), "platform": "bluesky", "handle": "<script>",
            "base_url": "", "status": "paused", "status_reason": null,
        });
        vec![from_value(account).unwrap()]
    }

    #[test]
    fn what_was_written_is_there_again_with_what_is_wrong_beside_it() {
        let id = Uuid::from_u128(3);
        let form = Fields::of(&format!(
            "content=%0Aa%3C/textarea%3E%3Cscript%3E&account={id}&when=at&at=2026-12-01T09:00"
        ));
        let problem = of_sql(Refusal {
            state: "22023".into(),
            message: "content is too long <b>".into(),
            hint: Some("Shorten it.".into()),
            reason: Some("content_invalid".into()),
        });
        let shown = view(&asked("editor"), &accounts(), &form, Some(&problem)).into_string();
        assert_accessible(&shown);
        assert!(
            shown.contains("id=\"content-problem\">content is too long &lt;b&gt; Shorten it."),
            "{shown}"
        );
        assert!(shown.contains("aria-invalid=\"true\" aria-describedby=\"content-problem\""), "{shown}");
        assert!(shown.contains("\n\na&lt;/textarea&gt;") && !shown.contains("<script"), "{shown}");
        assert!(shown.contains(&format!("value=\"{id}\" checked")), "{shown}");
        assert!(
            shown.contains("value=\"at\" checked") && shown.contains("value=\"2026-12-01T09:00\""),
            "{shown}"
        );
    }

    #[test]
    fn refusals_find_their_field() {
        let field = |message: &str, reason: Option<&str>| {
            let (message, reason) = (message.to_owned(), reason.map(str::to_owned));
            of_sql(Refusal { state: "22023".into(), message, hint: None, reason }).field
        };
        assert_eq!(field("accounts is empty", None), Some("accounts"));
        assert_eq!(field("scheduled_at lies too far ahead", None), Some("at"));
        assert_eq!(field("account x: the text is too long", Some("content_invalid")), Some("content"));
        let words = format!("account {}: too long", Uuid::from_u128(3));
        let problem = Problem { field: None, words, hint: None }.naming(&accounts());
        assert_eq!(problem.words, "bluesky: <script>: too long");
        assert_eq!(field("the workspace has too many posts", Some("limit")), None);
    }

    #[test]
    fn a_form_is_read_on_the_clocks_of_the_zone() {
        let form = Fields::of(
            "content=a%0D%0Ab&account=1&account=2&when=at&at=2026-12-01T09:00&tags=x,+y,,&draft=1",
        );
        let read = arguments(&asked("editor"), &form).unwrap();
        assert_eq!(read["scheduled_at"], "2026-12-01T08:00:00+00:00");
        assert_eq!((&read["content"], &read["tags"]), (&json!("a\nb"), &json!(["x", "y"])));
        assert_eq!((&read["accounts"], &read["draft"]), (&json!(["1", "2"]), &json!(true)));
        let now = arguments(&asked("editor"), &Fields::of("content=a&when=now&at=2026-12-01T09:00")).unwrap();
        assert!(now.get("scheduled_at").is_none() && now["next_slot"] == json!(false));
        let wrong = arguments(&asked("editor"), &Fields::of("when=at&at=soon")).unwrap_err();
        assert_eq!(wrong.field, Some("at"));
        assert!(!view(&asked("viewer"), &[], &form, None).into_string().contains("<form"));
    }
}
