//! What is true of every scheme: each accepts what its platform signs, and nothing that differs from it in one bit.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::sign::hmac;
use super::*;
use crate::hex::hex;

const NOW: i64 = 1_795_000_000;
/// Of RFC 8032, 7.1, test 3: what signs for Discord, and its public key.
const ED25519_SEED: &str = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
const ED25519_PUBLIC: &str = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";

fn keys(secrets: &[&str]) -> Keys {
    Keys {
        secrets: secrets.iter().map(|secret| SecretString::from(*secret)).collect(),
        verify_token: Some("a-verify-token".into()),
    }
}

/// A secret that a scheme accepts as one.
fn secret_of(scheme: &Scheme) -> &'static str {
    if scheme.platform == "discord" { ED25519_PUBLIC } else { "a-secret_of-32-characters-or-more" }
}

fn other_secret_of(scheme: &Scheme) -> &'static str {
    // the key of another of the RFC's tests
    let other = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    if scheme.platform == "discord" { other } else { "another-secret-of-32-characters-x" }
}

/// The headers with which a platform sends a body.
fn signed(scheme: &Scheme, body: &[u8], at: i64) -> HeaderMap {
    let secret = SecretString::from(secret_of(scheme));
    let seconds = at.to_string();
    let mac = |parts: &[&[u8]]| hex(&hmac(&secret, parts));
    let pairs = match scheme.platform {
        "facebook" | "instagram" | "threads" => {
            vec![("x-hub-signature-256", format!("sha256={}", mac(&[body])))]
        }
        "x" => vec![(
            "x-twitter-webhooks-signature",
            format!("sha256={}", STANDARD.encode(hmac(&secret, &[body]))),
        )],
        "linkedin" => vec![("x-li-signature", mac(&[b"hmacsha256=", body]))],
        "tiktok" => {
            vec![("tiktok-signature", format!("t={at},s={}", mac(&[seconds.as_bytes(), b".", body])))]
        }
        "slack" => vec![
            ("x-slack-signature", format!("v0={}", mac(&[b"v0:", seconds.as_bytes(), b":", body]))),
            ("x-slack-request-timestamp", seconds),
        ],
        "discord" => {
            let seed = crate::hex::unhex(ED25519_SEED).unwrap();
            let key = ring::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
            let signature = key.sign(&[seconds.as_bytes(), body].concat());
            vec![("x-signature-ed25519", hex(signature.as_ref())), ("x-signature-timestamp", seconds)]
        }
        "telegram" => vec![("x-telegram-bot-api-secret-token", secret_of(scheme).to_owned())],
        "youtube" => vec![("x-hub-signature", format!("sha256={}", mac(&[body])))],
        "ghost" => {
            let ms = (at * 1_000).to_string();
            vec![("x-ghost-signature", format!("sha256={}, t={ms}", mac(&[body, ms.as_bytes()])))]
        }
        other => panic!("{other} has no way to sign here"),
    };
    pairs.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn verdict(scheme: &Scheme, headers: &HeaderMap, body: &[u8], now: i64, keys: &Keys) -> Result<(), Refusal> {
    (scheme.verify)(&Delivery { headers, body, now }, keys)
}

/// Whether a scheme signs its body: Telegram sends a secret instead.
fn signs(scheme: &Scheme) -> bool {
    scheme.platform != "telegram"
}

fn has_time(scheme: &Scheme) -> bool {
    ["tiktok", "slack", "discord", "ghost"].contains(&scheme.platform)
}

#[test]
fn every_bit_counts() {
    let body = br#"{"a": "b", "entry": []}"#;
    for scheme in ALL {
        let headers = signed(scheme, body, NOW);
        let ours = keys(&[secret_of(scheme)]);
        assert_eq!(verdict(scheme, &headers, body, NOW, &ours), Ok(()), "{}", scheme.platform);
        for bit in 0..body.len() * 8 {
            let mut other = *body;
            other[bit / 8] ^= 1 << (bit % 8);
            let is_ok = verdict(scheme, &headers, &other, NOW, &ours).is_ok();
            assert_eq!(is_ok, !signs(scheme), "{}, bit {bit} of the body", scheme.platform);
        }
        for (name, value) in &headers {
            for bit in 0..value.len() * 8 {
                let mut bytes = value.as_bytes().to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let Ok(other) = HeaderValue::from_bytes(&bytes) else { continue };
                // hexadecimal digits may be of either case
                let has_digits = !["x", "telegram"].contains(&scheme.platform);
                if has_digits && other.as_bytes().eq_ignore_ascii_case(value.as_bytes()) {
                    continue;
                }
                let mut changed = headers.clone();
                changed.insert(name, other);
                let verdict = verdict(scheme, &changed, body, NOW, &ours);
                assert!(verdict.is_err(), "{}, bit {bit} of {name}", scheme.platform);
            }
            let mut without = headers.clone();
            without.remove(name);
            assert!(
                verdict(scheme, &without, body, NOW, &ours).is_err(),
                "{} without {name}",
                scheme.platform
            );
            let mut twice = headers.clone();
            twice.append(name, value.clone());
            assert!(verdict(scheme, &twice, body, NOW, &ours).is_err(), "{}: {name} twice", scheme.platform);
        }
    }
}

#[test]
fn secrets_are_rotated() {
    let body = b"{}";
    for scheme in ALL {
        let headers = signed(scheme, body, NOW);
        let (ours, other) = (secret_of(scheme), other_secret_of(scheme));
        for both in [[ours, other], [other, ours]] {
            assert_eq!(verdict(scheme, &headers, body, NOW, &keys(&both)), Ok(()), "{}", scheme.platform);
        }
        let gone = verdict(scheme, &headers, body, NOW, &keys(&[other]));
        assert_eq!(gone, Err(Refusal::WrongSignature), "{}", scheme.platform);
        assert_eq!((scheme.check_secret)(ours), None, "{}", scheme.platform);
    }
}

#[test]
fn a_time_that_is_signed_is_of_now() {
    for scheme in ALL {
        let headers = signed(scheme, b"{}", NOW);
        let ours = keys(&[secret_of(scheme)]);
        for (now, is_near) in
            [(NOW + 300, true), (NOW - 300, true), (NOW + 301, false), (NOW - 301, false), (i64::MAX, false)]
        {
            let verdict = verdict(scheme, &headers, b"{}", now, &ours);
            let expected = if is_near || !has_time(scheme) { Ok(()) } else { Err(Refusal::WrongTime) };
            assert_eq!(verdict, expected, "{} {now}", scheme.platform);
        }
    }
}

#[test]
fn platforms_are_there_once_each() {
    let names: std::collections::BTreeSet<_> = ALL.iter().map(|scheme| scheme.platform).collect();
    assert_eq!(names.len(), ALL.len());
    assert!(Scheme::find("x").is_some() && Scheme::find("X").is_none() && Scheme::find("").is_none());
}

#[test]
fn what_is_found_is_tidied() {
    let findings = Findings {
        kinds: vec!["a.b".into(), "a.b".into(), String::new(), "ü <x>\0".into(), "k".repeat(300)],
        revoked: None,
        publish_ids: vec![String::new(), " ".into(), "1".into(), "9".repeat(501)],
    };
    let tidy = findings.tidy();
    assert_eq!(tidy.kinds, ["a.b".to_owned(), "___x__".into(), "k".repeat(100)]);
    assert_eq!(tidy.publish_ids, ["1"]);
}

/// What a scheme makes of one delivery, recorded by hand from the platform's documentation.
#[derive(Debug, serde::Deserialize)]
struct Fixture {
    platform: String,
    content_type: String,
    /// Text, or JSON.
    body: Value,
    id: Option<String>,
    parts: Vec<Expected>,
}

#[derive(Debug, serde::Deserialize)]
struct Expected {
    /// That of the delivery, where none is named.
    platform: Option<String>,
    external_id: Option<String>,
    kinds: Vec<String>,
    #[serde(default)]
    revoked: bool,
    revoked_at: Option<i64>,
    #[serde(default)]
    publish_ids: Vec<String>,
}

#[test]
fn deliveries_mean_what_the_fixtures_say() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/webhooks");
    let mut seen = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let fixture: Fixture =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let scheme = Scheme::find(&fixture.platform).unwrap();
        seen.insert(scheme.platform);
        let body = match &fixture.body {
            Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        let mut headers = HeaderMap::new();
        headers.insert("content-type", fixture.content_type.parse().unwrap());
        let media_type = Delivery::media_type(&headers).unwrap();
        assert!(scheme.media_types.contains(&media_type.as_str()), "{path:?}");
        let delivery = Delivery { headers: &headers, body: body.as_bytes(), now: NOW };
        assert_eq!((scheme.ping)(&delivery), None, "{path:?}");
        let received = (scheme.read)(&delivery).tidy(scheme.platform, None);
        assert_eq!(received.id, fixture.id, "{path:?}");
        assert_eq!(received.parts.len(), fixture.parts.len(), "{path:?}: {received:?}");
        for (part, expected) in received.parts.iter().zip(&fixture.parts) {
            let platform = expected.platform.as_deref().unwrap_or(scheme.platform);
            assert_eq!((part.platform, &part.external_id), (platform, &expected.external_id), "{path:?}");
            assert!(!part.payload.to_string().contains("canary"), "{path:?}: {}", part.payload);
            let findings = (scheme.interpret)(&part.payload).tidy();
            assert_eq!(
                (&findings.kinds, &findings.publish_ids),
                (&expected.kinds, &expected.publish_ids),
                "{path:?}"
            );
            assert_eq!(findings.revoked.is_some(), expected.revoked, "{path:?}");
            if expected.revoked_at.is_some() {
                assert_eq!(findings.revoked, Some(expected.revoked_at), "{path:?}");
            }
            if let Some(Some(at)) = findings.revoked {
                assert!((at - NOW).abs() < 1_000_000, "{path:?}: {at}");
            }
        }
    }
    assert_eq!(seen.len(), ALL.len(), "expected fixtures of every scheme, found {seen:?}");
}

#[test]
fn what_only_asks_is_answered_and_not_kept() {
    let ping = |platform: &str, body: Value| {
        let headers = HeaderMap::new();
        let body = body.to_string();
        (Scheme::find(platform).unwrap().ping)(&Delivery {
            headers: &headers,
            body: body.as_bytes(),
            now: NOW,
        })
    };
    let challenge = json!({ "token": "t", "challenge": "3eZbrw1aB", "type": "url_verification" });
    assert_eq!(ping("slack", challenge), Some(Answer::Text("3eZbrw1aB".into())));
    assert_eq!(ping("slack", json!({ "type": "url_verification", "challenge": "x".repeat(513) })), None);
    assert_eq!(ping("discord", json!({ "type": 0 })), Some(Answer::Status(204)));
    assert_eq!(ping("discord", json!({ "type": 1, "id": "1" })), Some(Answer::Json(json!({ "type": 1 }))));
    assert_eq!(ping("discord", json!({ "type": 1, "event": {} })), None);
    assert_eq!(ping("tiktok", json!({ "type": "url_verification", "challenge": "x" })), None);
}

/// Bodies as hostile as they can be: text, JSON of any shape, bytes.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|n| json!(n)),
        "\\PC{0,12}".prop_map(|text| json!(text)),
        Just(json!("a\0b")),
    ];
    let names = prop::sample::select(vec![
        "entry",
        "id",
        "object",
        "changes",
        "field",
        "value",
        "event",
        "type",
        "notifications",
        "user_event",
        "revoke",
        "source",
        "user_id",
        "message",
        "chat",
        "post",
        "current",
        "previous",
        "content",
        "data",
        "challenge",
    ]);
    let value = leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|list| json!(list)),
            prop::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|fields| fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect()),
        ]
    });
    prop_oneof![
        4 => value.prop_map(|value: Value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => "\\PC{0,200}".prop_map(String::into_bytes),
    ]
}

/// Whether there is a character in it that jsonb can't hold.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(elements) => elements.iter().any(has_nul),
        Value::Object(object) => object.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

proptest! {
    #[test]
    fn nothing_that_is_signed_upsets_a_scheme(body in bodies()) {
        for scheme in ALL {
            let headers = HeaderMap::new();
            let delivery = Delivery { headers: &headers, body: &body, now: NOW };
            let _ = (scheme.ping)(&delivery);
            let received = (scheme.read)(&delivery).tidy(scheme.platform, None);
            prop_assert!(!received.parts.is_empty() && received.parts.len() <= 1_000);
            prop_assert!(received.key(&body).len() <= 300);
            for part in &received.parts {
                prop_assert!(!has_nul(&part.payload), "{}", part.payload);
                let findings = (scheme.interpret)(&part.payload).tidy();
                prop_assert!(!findings.kinds.is_empty() || findings.revoked.is_none());
            }
        }
    }

    #[test]
    fn nothing_without_a_signature_passes(body in bodies(), value in "[ -~]{0,100}") {
        for scheme in ALL {
            let mut headers = HeaderMap::new();
            for name in ["x-hub-signature-256", "x-hub-signature", "x-twitter-webhooks-signature", "x-li-signature",
                         "tiktok-signature", "x-slack-signature", "x-slack-request-timestamp", "x-signature-ed25519",
                         "x-signature-timestamp", "x-telegram-bot-api-secret-token", "x-ghost-signature"] {
                headers.insert(name, value.parse().unwrap());
            }
            prop_assert!(verdict(scheme, &headers, &body, NOW, &keys(&[secret_of(scheme)])).is_err());
        }
    }

    #[test]
    fn a_handshake_echoes_nothing_odd(query in "[ -~]{0,200}") {
        for handshake in ALL.iter().filter_map(|scheme| scheme.handshake) {
            if let Ok(Answer::Text(text)) = handshake(&Query::parse(&query), &keys(&["s"])) {
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
