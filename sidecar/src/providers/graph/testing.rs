//! What tests of providers of Meta's platforms have in common: a server with a script, and answers that make no sense.

use crier_core::error_class::ErrorClass;
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(in crate::providers) use crate::providers::script::{Script, TOKEN};
use crate::providers::{Caller, Post, Provider, served};

/// The account 17841 of this name on the server.
pub(in crate::providers) fn caller(script: &Script, handle: &str) -> Caller {
    served::caller(("17841", handle), &script.url, (TOKEN, TOKEN))
}

/// Prepares a post until there is nothing more to do, with these answers: what was prepared, and what was asked.
pub(in crate::providers) async fn prepare(
    provider: &dyn Provider,
    post: &Post,
    answers: Vec<(u16, Value)>,
) -> (Result<Value, ErrorClass>, Vec<String>) {
    let script = Script::start(answers).await;
    let caller = caller(&script, "alice");
    let mut prepared = Value::Null;
    let outcome = loop {
        match provider.prepare(&caller, post, &prepared).await {
            Ok(Some(more)) => prepared = more,
            Ok(None) => break Ok(prepared),
            Err(failure) => break Err(failure.class),
        }
    };
    (outcome, script.seen())
}

/// An error of the API.
pub(in crate::providers) fn refusal(code: i64, subcode: i64) -> (u16, Value) {
    (400, json!({ "error": { "code": code, "error_subcode": subcode } }))
}

/// A list.
pub(in crate::providers) fn list(data: Value) -> (u16, Value) {
    (200, json!({ "data": data }))
}

/// JSON with the names that are looked for and nothing that is of use under them: no word is an id.
fn nonsense() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z<>/ ]{0,8}".prop_map(Value::from),
    ];
    let name = proptest::sample::select(vec![
        "id",
        "data",
        "error",
        "code",
        "error_subcode",
        "message",
        "status_code",
        "status",
        "timestamp",
        "caption",
        "permalink",
        "paging",
        "success",
        "published",
        "publishing_phase",
        "attachments",
        "created_time",
        "text",
        "video_status",
    ]);
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            hash_map(name.clone(), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

pub(in crate::providers) fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let whole = br#"{"id":"17890000000000001","data":[{"id":"2"}]}"#;
    prop_oneof![
        vec(any::<u8>(), 0..64),
        nonsense().prop_map(|json| json.to_string().into_bytes()),
        (0..whole.len() - 30).prop_map(|len| whole[..len].to_vec()),
        Just(b"<!DOCTYPE html><html><body>Sorry, something went wrong.</body></html>".to_vec()),
    ]
}
