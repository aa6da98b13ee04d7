//! Every operation of the document is called, and answers as the document says.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::calls::CALLS;
use super::{Answer, Installed, Served, answer, shapes, token};
use crate::tenancy::filled::Filled;

/// Puts what a tenant has in the place of its names.
pub(super) fn named(tenant: &Filled, text: &str) -> String {
    // the longer names first: $JOB is a part of none, $ACC neither
    tenant.names.iter().rev().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("${name}"), id))
}

/// Makes one of the calls.
pub(super) async fn call(
    served: &Served,
    user: Uuid,
    tenant: &Filled,
    made: (&str, &str, &str, u16),
) -> Answer {
    call_by(served, &token(user), tenant, made).await
}

/// The same by whom a token or a key names.
pub(super) async fn call_by(
    served: &Served,
    bearer: &str,
    tenant: &Filled,
    (operation, arguments, body, _): (&str, &str, &str, u16),
) -> Answer {
    let (method, path) = operation.split_once(' ').expect("a method and a path");
    let mut path = path.to_owned();
    let mut query = Vec::new();
    for pair in arguments.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').expect("a name and a value");
        let (place, value) = (format!("{{{name}}}"), named(tenant, value));
        if path.contains(&place) {
            path = path.replace(&place, &value);
        } else {
            query.push((name.to_owned(), value));
        }
    }
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request = served.request_by(method, &path, bearer).query(&query);
    if !body.is_empty() {
        request = request.header("content-type", "application/json").body(named(tenant, body));
    }
    answer(request).await
}

#[tokio::test]
async fn every_operation_answers_as_the_document_says() {
    let installed = Installed::new().await;
    let tenant = installed.filled("w0rd").await;
    let served = installed.serve_at_rest().await;
    let document = served.get("/v1/openapi.json", Uuid::nil()).await.json();
    let committed: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).expect("JSON");
    assert_eq!(document, committed, "expected the document that is committed");
    let owner = tenant.members[3].1;
    let mut called = BTreeSet::new();
    let mut problems = Vec::new();
    for made in CALLS {
        let (operation, arguments, _, expected) = *made;
        let given = call(&served, owner, &tenant, *made).await;
        let told = format!("{operation} {arguments}: {} {}", given.status, given.text);
        if given.status != expected {
            problems.push(format!("expected {expected}: {told}"));
            continue;
        }
        called.insert(operation);
        let (method, path) = operation.split_once(' ').expect("a method and a path");
        let described =
            &document["paths"][path][method.to_lowercase()]["responses"][given.status.to_string()];
        assert!(described.is_object(), "not in the document: {told}");
        match described["content"].as_object().and_then(|content| content.iter().next()) {
            Some((kind, content)) => {
                assert_eq!(given.header("content-type"), kind, "{told}");
                problems.extend(
                    shapes::problem(&document, &content["schema"], &given.json(), "it")
                        .map(|problem| format!("{problem}: {told}")),
                );
            }
            None => assert_eq!(given.text, "", "{told}"),
        }
        assert!(!given.header("x-request-id").is_empty(), "{told}");
    }
    let all = document["paths"].as_object().into_iter().flatten().flat_map(|(path, item)| {
        item.as_object()
            .into_iter()
            .flatten()
            .map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
    });
    problems.extend(
        all.filter(|operation| !called.contains(operation.as_str()))
            .map(|missing| format!("not called: {missing}")),
    );
    assert!(
        problems.is_empty(),
        "{}\n{}",
        problems.join("\n"),
        served.crierd.log().lines().filter(|line| line.contains("ERROR")).collect::<Vec<_>>().join("\n")
    );
}
