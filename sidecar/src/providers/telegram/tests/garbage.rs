//! Answers that make no sense never panic and are never taken for a post.

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;

use super::*;

/// JSON with the names that are looked for and nothing that is of use under them.
fn nonsense() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z<>/ ]{0,8}".prop_map(Value::from),
    ];
    let names =
        ["ok", "result", "message_id", "chat", "id", "type", "username", "status", "is_bot", "parameters"];
    let name = proptest::sample::select(names.to_vec());
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            hash_map(name.clone(), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let whole = ok(message(7)).1.to_string().into_bytes();
    prop_oneof![
        vec(any::<u8>(), 0..64),
        nonsense().prop_map(|json| json.to_string().into_bytes()),
        nonsense().prop_map(|json| ok(json).1.to_string().into_bytes()),
        (0..whole.len()).prop_map(move |len| whole[..len].to_vec()),
        Just(b"<!DOCTYPE html><html><body>Sorry, something went wrong.</body></html>".to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_is_published_by_nonsense(status in 200_u16..600, body in bodies()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let script = Script::always(status, body).await;
            let (provider, caller) = (provider(), caller(&script));
            for post in [post("hi", &[], json!({})), post("hi", &[PNG, MP4], json!({}))] {
                let frozen = drafted(&caller, &post).await.unwrap();
                let sent = provider.commit(&caller, &post, &frozen).await.unwrap_err();
                if status != 429 {
                    assert_eq!(sent.class, ErrorClass::OutcomeUnknown);
                }
            }
            assert!(provider.login(&script.url, "@crier_news", &TOKEN.into()).await.is_err());
            let _ = provider.act(&caller, &Act::Delete { post: "2".into() }).await;
            let _ = provider.reach(&script.url).await;
        });
    }
}
