//! Answers that make no sense never panic and are never taken for a message.

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;

use super::*;

/// JSON with the names that are looked for and nothing that is of use under them: no word is an id.
fn nonsense() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z<>/ ]{0,8}".prop_map(Value::from),
    ];
    let names =
        ["id", "channel_id", "guild_id", "type", "code", "errors", "author", "content", "reactions", "count"];
    let name = proptest::sample::select(names.to_vec());
    leaf.prop_recursive(4, 32, 6, move |inner| {
        let fields = hash_map(name.clone(), inner.clone(), 0..6);
        let fields =
            fields.prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        prop_oneof![vec(inner, 1..4).prop_map(Value::from), fields]
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let whole = br#"{"id":"1571846307840000007","channel_id":"22"}"#;
    prop_oneof![
        vec(any::<u8>(), 0..64),
        nonsense().prop_map(|json| json.to_string().into_bytes()),
        (0..whole.len() - 1).prop_map(|len| whole[..len].to_vec()),
        Just(b"<!DOCTYPE html><html><body>Access denied</body></html>".to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_is_published_by_nonsense(status in 200_u16..600, body in bodies()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let json: Value = serde_json::from_slice(&body).unwrap_or_default();
            let script = Script::always(status, body).await;
            for external_id in [BOT, WEBHOOK] {
                let text = post("hi", json!([]), json!({}));
                let frozen = drafted(external_id, &text).await.unwrap();
                let (provider, caller) = (provider(), caller(&script, external_id));
                let sent = provider.commit(&caller, &frozen).await.unwrap_err();
                if !json["code"].is_number() && status != 429 && !(status == 401 && json.is_object()) {
                    assert_eq!(sent.class, ErrorClass::OutcomeUnknown, "{json}");
                }
                let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
                assert!(!matches!(seen, Ok(Found::Same(_) | Found::Absent)), "{seen:?} {json}");
                let _ = provider.prepare(&caller, &text, &Value::Null).await;
                let _ = provider.metrics(&caller, "2").await;
                let _ = provider.act(&caller, &Act::Delete { post: "2".into() }).await;
                let address = format!("{}/api/webhooks/55/{TOKEN}", script.url);
                for secret in [TOKEN, &address] {
                    assert!(provider.login(&script.url, "22", &secret.into()).await.is_err());
                }
                assert!(provider.refresh(&caller).await.is_err());
            }
        });
    }
}

#[tokio::test]
async fn an_answer_of_ten_megabytes_is_unclear() {
    let script = Script::always(200, vec![b' '; 10_000_000]).await;
    let frozen = drafted(BOT, &post("hi", json!([]), json!({}))).await.unwrap();
    let failure = provider().commit(&caller(&script, BOT), &frozen).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::OutcomeUnknown);
}

#[tokio::test]
async fn a_list_is_no_message() {
    let frozen = drafted(BOT, &post("hi", json!([]), json!({}))).await.unwrap();
    let script = Script::always(200, br#"["1571846307840000007", "22"]"#.to_vec()).await;
    let sent = provider().commit(&caller(&script, BOT), &frozen).await;
    assert_eq!(sent.unwrap_err().class, ErrorClass::OutcomeUnknown);
}
