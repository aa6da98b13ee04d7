//! What people do with a button: each act calls one function as them, and comes back to the page where the button was. Which
//! button is shown depends on their role; whether it may be done, SQL decides.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, LOCATION};
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::access::Asked;
use super::calls::given;
use super::fields::Fields;
use super::forgery::Form;
use super::stop::Stop;
use super::{Dashboard, ROOT, filled, times};
use crate::db::api::Function;
use crate::db::dashboard as sql;

/// An act.
pub(super) struct Act {
    /// Its name in addresses.
    pub(super) name: &'static str,
    function: Function,
    arguments: fn(&Fields, Tz) -> Result<Value, String>,
    /// The word that says, after it, that it was done.
    done: &'static str,
    then: Then,
}

/// Where it goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Back,
    /// To the post that was made.
    Post,
    /// To the posts: the one it was about is gone.
    Posts,
}

macro_rules! act {
    ($name:literal, $function:ident, $arguments:expr, $done:literal, $then:ident) => {
        Act { name: $name, function: sql::$function, arguments: $arguments, done: $done, then: Then::$then }
    };
    ($name:literal, $function:ident, $arguments:expr, $done:literal) => {
        act!($name, $function, $arguments, $done, Back)
    };
}

/// Every act.
pub(super) static ACTS: [Act; 18] = [
    act!("cancel", CANCEL_POST, post_of, "canceled"),
    act!("reschedule", RESCHEDULE_POST, post_and_time, "rescheduled"),
    act!("retry", RETRY_POST, post_of, "retried"),
    act!("duplicate", DUPLICATE_POST, post_of, "duplicated", Post),
    act!("delete", DELETE_POST, post_of, "deleted", Posts),
    act!("submit", SUBMIT_POST, post_of, "submitted"),
    act!(
        "approve",
        APPROVE_POST,
        |form, _| Ok(given([("post_id", form.get("post")), ("read_at", form.get("read_at"))])),
        "approved"
    ),
    act!(
        "reject",
        REJECT_POST,
        |form, _| Ok(given([("post_id", form.get("post")), ("reason", form.get("reason"))])),
        "rejected"
    ),
    act!(
        "resolve",
        RESOLVE_TARGET,
        |form, _| Ok(given([
            ("target_id", form.get("target")),
            ("outcome", form.get("outcome")),
            ("url", form.get("url").map(str::trim)),
        ])),
        "resolved"
    ),
    act!("block", BLOCK_ACCOUNT, account_and_time, "blocked"),
    act!(
        "unblock",
        UNBLOCK_ACCOUNT,
        |form, _| Ok(given([("p_account_id", form.get("account")), ("p_action", form.get("action"))])),
        "unblocked"
    ),
    act!("retry-job", RETRY_JOBS, job_of, "job_retried"),
    act!("purge-job", PURGE_JOBS, job_of, "job_purged"),
    act!("pause-schedule", PAUSE_SCHEDULE, schedule_of, "paused"),
    act!("resume-schedule", RESUME_SCHEDULE, schedule_of, "resumed"),
    act!("end-schedule", END_SCHEDULE, schedule_of, "ended"),
    act!(
        "add-item",
        ADD_SCHEDULE_ITEMS,
        |form, _| Ok(json!({
            "schedule_id": form.get("schedule"),
            "items": [{ "content": filled::lines(form.get("text").unwrap_or_default()) }],
        })),
        "item_added"
    ),
    act!(
        "remove-item",
        REMOVE_SCHEDULE_ITEM,
        |form, _| Ok(given([("schedule_id", form.get("schedule")), ("item_id", form.get("item"))])),
        "item_removed"
    ),
];

fn post_of(form: &Fields, _: Tz) -> Result<Value, String> {
    Ok(given([("post_id", form.get("post"))]))
}

fn post_and_time(form: &Fields, zone: Tz) -> Result<Value, String> {
    let at = times::read(form.get("at").unwrap_or_default(), zone)?.to_rfc3339();
    Ok(given([("post_id", form.get("post")), ("scheduled_at", Some(&at))]))
}

fn account_and_time(form: &Fields, zone: Tz) -> Result<Value, String> {
    let until = times::read(form.get("until").unwrap_or_default(), zone)?.to_rfc3339();
    Ok(given([
        ("p_account_id", form.get("account")),
        ("p_until", Some(&until)),
        ("p_reason", form.get("reason")),
    ]))
}

fn job_of(form: &Fields, _: Tz) -> Result<Value, String> {
    Ok(json!({ "job_ids": form.get("job").into_iter().collect::<Vec<_>>() }))
}

fn schedule_of(form: &Fields, _: Tz) -> Result<Value, String> {
    Ok(given([("schedule_id", form.get("schedule"))]))
}

pub(super) async fn post(
    State(dashboard): State<Arc<Dashboard>>,
    asked: Asked,
    form: Result<Form, Stop>,
) -> Result<Response, Stop> {
    let act = ACTS.iter().find(|act| act.name == asked.word("act")).ok_or(Stop::NotFound)?;
    let Form(form) = form?;
    let back = back(&form, &asked.base());
    let arguments = (act.arguments)(&form, asked.zone()).map_err(Stop::Malformed)?;
    let rows = dashboard.write(&asked.identity, &act.function, arguments).await;
    let rows = rows.map_err(|stop| stop.back_to(&back))?;
    // what acts on each of some rows leaves out what is not the caller's, without a word
    if act.function.name.ends_with("_jobs") && rows.is_empty() {
        return Err(Stop::NotFound);
    }
    let to = match act.then {
        Then::Back => back,
        Then::Posts => format!("{}/posts", asked.base()),
        Then::Post => match rows.first().and_then(Value::as_str) {
            Some(id) => format!("{}/posts/{id}", asked.base()),
            None => back,
        },
    };
    Ok(see(&with_done(&to, act.done)))
}

/// The page that a form names to come back to, if it is one of ours.
pub(super) fn back(form: &Fields, otherwise: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.?=&%+:".contains(&byte);
    let ours = |path: &&str| {
        let rest = path.strip_prefix(ROOT);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?'])) && path.bytes().all(plain)
    };
    form.get("back").filter(ours).unwrap_or(otherwise).to_owned()
}

/// An address with the word of what was done.
pub(super) fn with_done(to: &str, done: &str) -> String {
    let (path, query) = to.split_once('?').unwrap_or((to, ""));
    format!("{path}?{}", Fields::of(query).with("done", done))
}

/// Answers a form with another page.
pub(super) fn see(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::dashboard::words;

    #[test]
    fn each_act_is_there_once_says_what_it_did_and_is_for_editors_at_least() {
        for (at, act) in ACTS.iter().enumerate() {
            assert!(ACTS[at + 1..].iter().all(|other| other.name != act.name), "{}", act.name);
            assert!(words::done(act.done).is_some(), "{}", act.done);
            let least = crier_core::rights::least(act.function.name);
            assert!(least >= crier_core::rights::Role::Editor, "{}", act.name);
        }
    }

    #[test]
    fn what_an_act_is_given_has_the_names_of_sql() {
        let form = Fields::of(
            "post=p&at=2026-12-01T09:00&until=2026-12-01T09:00&account=a&target=t&outcome=absent&url=+u+&job=j&schedule=s\
             &reason=r&action=publish&read_at=x&text=t&item=i",
        );
        for act in &ACTS {
            let arguments = (act.arguments)(&form, Tz::Europe__Berlin).unwrap();
            for (name, value) in arguments.as_object().unwrap() {
                assert!(
                    act.function.arguments.iter().any(|one| one.sql_name == name),
                    "{}: {name}",
                    act.name
                );
                assert!(!value.is_null(), "{}: {name}", act.name);
            }
            for needed in act.function.arguments.iter().filter(|one| one.required) {
                assert!(arguments.get(needed.sql_name).is_some(), "{}: {}", act.name, needed.sql_name);
            }
        }
        let moved = post_and_time(&form, Tz::Europe__Berlin).unwrap();
        assert_eq!(moved["scheduled_at"], "2026-12-01T08:00:00+00:00");
        assert!(post_and_time(&Fields::of("post=p"), Tz::UTC).is_err());
    }

    #[test]
    fn forms_lead_back_to_our_pages_only() {
        let back = |text: &str| back(&Fields(vec![("back".into(), text.into())]), "/dashboard/w/x");
        assert_eq!(back("/dashboard/w/y/posts?state=failed"), "/dashboard/w/y/posts?state=failed");
        for bad in [
            "https://evil.example/",
            "//evil.example",
            "/dashboard.evil",
            "/dashboardx",
            "/dashboard/\r\nset-cookie: a=b",
            "/dashboard/\\evil",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(back(bad), "/dashboard/w/x", "{bad}");
        }
        assert_eq!(with_done("/dashboard/w/x?a=b&done=old", "new"), "/dashboard/w/x?a=b&done=new");
        assert_eq!(see("/dashboard").headers()[LOCATION], "/dashboard");
    }
}
