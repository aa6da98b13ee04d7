//! Somebody of another tenant asks for everything, and gets nothing.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::Installed;
use super::calls::CALLS;
use super::every_route::call;
use crate::tenancy::filled::Filled;

const CANARY: &str = "c4n4ry";

#[tokio::test]
async fn no_reading_route_shows_another_tenants_rows() {
    let installed = Installed::new().await;
    let (ours, theirs) = (installed.filled(CANARY).await, installed.filled("0ther").await);
    let served = installed.serve_at_rest().await;
    let (owner, stranger) = (ours.members[3].1, theirs.members[3].1);
    let ids: BTreeSet<&String> = ours.names.values().filter(|id| id.len() == 36).collect();
    let is_theirs = |text: &str| text.contains(CANARY) || ids.iter().any(|id| text.contains(id.as_str()));
    let mut seen = 0;
    for made in CALLS.iter().filter(|(operation, ..)| operation.starts_with("GET ")) {
        let (operation, arguments, ..) = *made;
        // the control: whom it belongs to sees it
        let own = call(&served, owner, &ours, *made).await;
        seen += usize::from(is_theirs(&own.text));
        for asked in [*made, (operation, without_filters(operation, arguments).as_str(), "", 0)] {
            let given = call(&served, stranger, &ours, asked).await;
            // what was asked for may be repeated in what is refused
            let text = given.json().as_object().map_or(String::new(), |body| {
                if body.contains_key("detail") {
                    named_in(&body["detail"].to_string(), arguments, &ours)
                } else {
                    given.text.clone()
                }
            });
            assert!(!is_theirs(&text), "{operation} {asked:?}: {given:?}");
            assert!([200, 403, 404].contains(&given.status), "{operation} {asked:?}: {given:?}");
        }
    }
    assert!(seen >= 15, "expected the owner to see it by more than {seen} routes");
}

/// The arguments of the path alone, and those that have to be there.
fn without_filters(operation: &str, arguments: &str) -> String {
    let needed = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        operation.contains(&format!("{{{name}}}"))
            || ["from", "to", "job_type", "params", "account_ids"].contains(&name)
            || (["GET /v1/calendar", "GET /v1/api-keys", "GET /v1/posts/paged"].contains(&operation)
                && name == "workspace_id")
    };
    arguments.split('&').filter(needed).collect::<Vec<_>>().join("&")
}

/// A refusal without the ids that the caller has given.
fn named_in(detail: &str, arguments: &str, tenant: &Filled) -> String {
    arguments
        .split('&')
        .filter_map(|pair| pair.split_once("=$"))
        .fold(detail.to_owned(), |text, (_, name)| text.replace(&tenant.names[name], ""))
}

#[tokio::test]
async fn what_is_others_is_answered_as_what_is_not_there() {
    let installed = Installed::new().await;
    let ours = installed.filled(CANARY).await;
    let served = installed.serve_at_rest().await;
    let stranger = Uuid::new_v4();
    served.workspace(stranger).await;
    for made in CALLS.iter().filter(|(operation, arguments, body, _)| {
        !operation.starts_with("GET ") && format!("{arguments}{body}").contains('$')
    }) {
        let given = call(&served, stranger, &ours, *made).await;
        let nothing = [json!({"data": []}), json!({"declined": false}), json!({"withdrawn": false})];
        let is_nothing = given.status == 200 && nothing.contains(&given.json());
        // a login that another began is an unknown one
        let is_refused =
            [403, 404].contains(&given.status) || (given.status == 422 && made.0.ends_with("/confirm"));
        assert!(is_nothing || is_refused, "{made:?}: {given:?}");
        assert!(!given.text.contains(CANARY), "{made:?}: {given:?}");
    }
}
