//! Every way in which a token can be wrong, and keys that come and go.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::secrets::Es256;

const SECRET: &str = "a secret of a test that is long enough";
const USER: &str = "0193a0c0-0000-7000-8000-000000000001";
/// Made for this test: it signs nothing else.
const RSA: &str = include_str!("tests/rsa.pkcs8.base64");
const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed_by(secret: &[u8], head: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", part(head), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn hs256(claims: &Value) -> String {
    signed_by(SECRET.as_bytes(), &json!({"alg": "HS256", "typ": "JWT"}), claims)
}

fn good() -> Value {
    json!({"sub": USER, "exp": NOW + 60, "aud": "authenticated", "iss": "https://auth.example", "role": "authenticated"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// A file of a test, removed with it.
struct File(PathBuf);

impl File {
    fn new(text: &str, mode: u32) -> Self {
        let path = std::env::temp_dir().join(format!("crierd-api-{}", Uuid::new_v4()));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn verifier(tokens: Tokens) -> Verifier {
    let tokens = Tokens {
        issuer: Some("https://auth.example".into()),
        audience: Some("authenticated".into()),
        leeway: Duration::from_secs(30),
        ..tokens
    };
    Verifier::load(&tokens, Client::new().unwrap()).unwrap()
}

fn by_secret() -> Verifier {
    let file = File::new(&format!("{SECRET}\n"), 0o600);
    verifier(Tokens { secret_file: Some(file.0.clone()), ..Tokens::default() })
}

async fn refused(verifier: &Verifier, token: &str) -> Refused {
    match verifier.verify(token, now()).await {
        Err(refused) => refused,
        Ok(identity) => panic!("{token} was accepted as {identity:?}"),
    }
}

#[tokio::test]
async fn a_good_token_names_its_user_and_all_claims() {
    let verifier = by_secret();
    let identity = verifier.verify(&hs256(&with("email", json!("a@b.example"))), now()).await.unwrap();
    assert_eq!(identity.user.to_string(), USER);
    let claims: Value = serde_json::from_str(&identity.claims).unwrap();
    assert_eq!((&claims["email"], &claims["role"]), (&json!("a@b.example"), &json!("authenticated")));
    for fine in [
        with("aud", json!(["other", "authenticated"])),
        with("exp", json!(NOW - 29)),
        with("exp", json!(NOW as f64 + 0.5)),
        with("nbf", json!(NOW + 29)),
    ] {
        verifier.verify(&hs256(&fine), now()).await.unwrap_or_else(|refused| panic!("{refused}: {fine}"));
    }
}

#[tokio::test]
async fn a_claim_that_is_wrong_is_named() {
    let verifier = by_secret();
    for (claims, expected) in [
        (with("exp", json!(NOW - 30)), Refused::Ended),
        (without("exp"), Refused::Endless),
        (with("exp", json!("9999999999")), Refused::Malformed),
        (with("exp", Value::Null), Refused::Malformed),
        (with("nbf", json!(NOW + 31)), Refused::Early),
        (with("nbf", json!("tomorrow")), Refused::Malformed),
        (with("aud", json!("other")), Refused::Audience),
        (with("aud", json!(["other"])), Refused::Audience),
        (with("aud", json!({"authenticated": 1})), Refused::Audience),
        (without("aud"), Refused::Audience),
        (with("iss", json!("https://evil.example")), Refused::Issuer),
        (without("iss"), Refused::Issuer),
        (without("sub"), Refused::Nobody),
        (with("sub", json!("alice")), Refused::Nobody),
        (with("sub", json!(1)), Refused::Nobody),
        (with("sub", json!(format!("urn:uuid:{USER}"))), Refused::Nobody),
        (with("sub", json!(USER.replace('-', ""))), Refused::Nobody),
        (json!([1]), Refused::Malformed),
    ] {
        assert_eq!(refused(&verifier, &hs256(&claims)).await, expected, "{claims}");
    }
}

#[tokio::test]
async fn only_the_secret_signs_and_only_by_its_algorithm() {
    let verifier = by_secret();
    let (head, claims) = (json!({"alg": "HS256"}), good());
    let token = hs256(&claims);
    let [_, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    assert_eq!(refused(&verifier, &signed_by(b"another", &head, &claims)).await, Refused::Signature);
    let none = part(&json!({"alg": "none"}));
    for alg in ["none", "None", "HS384", "HS512", "PS256", "EdDSA", ""] {
        let other = signed_by(SECRET.as_bytes(), &json!({"alg": alg}), &claims);
        assert!(matches!(refused(&verifier, &other).await, Refused::Algorithm(_)), "{alg}");
    }
    assert!(matches!(refused(&verifier, &format!("{none}.{body}.")).await, Refused::Algorithm(_)));
    let crit = signed_by(SECRET.as_bytes(), &json!({"alg": "HS256", "crit": ["b64"], "b64": false}), &claims);
    assert_eq!(refused(&verifier, &crit).await, Refused::Malformed);
    let head = part(&head);
    for (token, expected) in [
        (String::new(), Refused::Malformed),
        (format!("{head}.{body}"), Refused::Malformed),
        (format!("{head}.{body}."), Refused::Signature),
        (format!("{head}.{body}.{signature}.x"), Refused::Malformed),
        (format!("{head}.{body}.{signature}="), Refused::Malformed),
        (format!("{head}.{}.{signature}", part(&with("sub", json!(Uuid::nil())))), Refused::Signature),
        (hs256(&with("long", json!("x".repeat(MAX_LEN)))), Refused::Malformed),
    ] {
        assert_eq!(refused(&verifier, &token).await, expected, "{token}");
    }
    // no public keys are set
    let es256 = Es256::generate().unwrap().sign(&json!({"alg": "ES256"}), &claims).unwrap();
    assert_eq!(refused(&verifier, es256.expose_secret()).await, Refused::UnknownKey);
}

fn rsa() -> RsaKeyPair {
    let der = STANDARD.decode(RSA.split_whitespace().collect::<String>()).unwrap();
    RsaKeyPair::from_pkcs8(&der).unwrap()
}

fn rs256(kid: &str) -> String {
    let pair = rsa();
    let text = format!("{}.{}", part(&json!({"alg": "RS256", "kid": kid})), part(&good()));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn rsa_jwk(kid: &str) -> Value {
    let components = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(rsa().public_key());
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": text(&components.n), "e": text(&components.e)})
}

fn es256(key: &Es256, kid: &str) -> String {
    let token = key.sign(&json!({"alg": "ES256", "kid": kid}), &good()).unwrap();
    token.expose_secret().to_owned()
}

fn ec_jwk(key: &Es256, kid: &str) -> Value {
    let mut jwk = key.jwk();
    jwk["kid"] = json!(kid);
    jwk
}

#[tokio::test]
async fn public_keys_of_a_file_verify_what_their_halves_signed() {
    let (key, other) = (Es256::generate().unwrap(), Es256::generate().unwrap());
    let secret = json!({"kty": "oct", "kid": "s", "k": URL_SAFE_NO_PAD.encode(SECRET)});
    let mut encrypts = ec_jwk(&other, "enc");
    encrypts["use"] = json!("enc");
    let set = json!({"keys": [rsa_jwk("r"), ec_jwk(&key, "e"), secret, encrypts, {"kty": "EC"}, 1]});
    let file = File::new(&set.to_string(), 0o644);
    let verifier = verifier(Tokens { jwks_file: Some(file.0.clone()), ..Tokens::default() });
    assert!(verifier.verify(&rs256("r"), now()).await.is_ok());
    assert!(verifier.verify(&es256(&key, "e"), now()).await.is_ok());
    // one key of the kind: no name is needed
    let unnamed = key.sign(&json!({"alg": "ES256"}), &good()).unwrap();
    assert!(verifier.verify(unnamed.expose_secret(), now()).await.is_ok());
    assert_eq!(refused(&verifier, &es256(&other, "e")).await, Refused::Signature);
    for unknown in ["x", "enc", "r"] {
        assert_eq!(refused(&verifier, &es256(&other, unknown)).await, Refused::UnknownKey, "{unknown}");
    }
    // public keys are no secrets, and a set holds none
    let components = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(rsa().public_key());
    for secret in [SECRET.as_bytes(), &components.n, file_bytes(&file).as_slice()] {
        for kid in ["r", "s", "e"] {
            let confused = signed_by(secret, &json!({"alg": "HS256", "kid": kid}), &good());
            assert!(matches!(refused(&verifier, &confused).await, Refused::Algorithm(_)));
        }
    }
}

fn file_bytes(file: &File) -> Vec<u8> {
    std::fs::read(&file.0).unwrap()
}

/// A server of keys, which counts who asks.
async fn published(keys: Arc<std::sync::Mutex<Option<Value>>>) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let answer = move || {
        count.fetch_add(1, Ordering::SeqCst);
        let keys = keys.lock().unwrap().clone();
        async move {
            match keys {
                Some(keys) => Ok(axum::Json(keys)),
                None => Err(axum::http::StatusCode::BAD_GATEWAY),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/jwks.json", get(answer))).await });
    (url, asked)
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_for_a_key_that_is_not_known() {
    let (first, second) = (Es256::generate().unwrap(), Es256::generate().unwrap());
    let keys = Arc::new(std::sync::Mutex::new(Some(json!({"keys": [ec_jwk(&first, "1")]}))));
    let (url, asked) = published(Arc::clone(&keys)).await;
    let verifier = Arc::new(verifier(Tokens { jwks_url: Some(url), ..Tokens::default() }));
    let all = (0..20).map(|_| {
        let (verifier, token) = (Arc::clone(&verifier), es256(&first, "1"));
        tokio::spawn(async move { verifier.verify(&token, now()).await.is_ok() })
    });
    for one in all.collect::<Vec<_>>() {
        assert!(one.await.unwrap());
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "expected one request for all");
    // another key: not asked for again at once
    *keys.lock().unwrap() = Some(json!({"keys": [ec_jwk(&second, "2")]}));
    for _ in 0..5 {
        assert_eq!(refused(&verifier, &es256(&second, "2")).await, Refused::UnknownKey);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    *verifier.keys.source_asked().await = None;
    assert!(verifier.verify(&es256(&second, "2"), now()).await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(refused(&verifier, &es256(&first, "1")).await, Refused::UnknownKey, "expected it to be gone");
    // nobody answers: what is known does
    *keys.lock().unwrap() = None;
    *verifier.keys.source_asked().await = None;
    assert_eq!(refused(&verifier, &es256(&first, "1")).await, Refused::UnknownKey);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    assert!(verifier.verify(&es256(&second, "2"), now()).await.is_ok());
}

#[tokio::test]
async fn without_keys_it_is_not_the_callers_fault() {
    let (url, _) = published(Arc::default()).await;
    let verifier = verifier(Tokens { jwks_url: Some(url), ..Tokens::default() });
    let key = Es256::generate().unwrap();
    assert_eq!(refused(&verifier, &es256(&key, "1")).await, Refused::NoKeys);
}

#[test]
fn files_that_are_no_keys_are_refused_and_not_shown() {
    let load = |tokens: Tokens| match Verifier::load(&tokens, Client::new().unwrap()) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("accepted"),
    };
    let secret = |text: &str, mode| {
        let file = File::new(text, mode);
        load(Tokens { secret_file: Some(file.0.clone()), ..Tokens::default() })
    };
    let short = secret("canary", 0o600);
    assert!(short.contains("6 bytes") && !short.contains("canary"), "{short}");
    assert!(secret(SECRET, 0o644).contains("chmod"));
    for odd in ["", "{}", "{\"keys\": []}", "{\"keys\": [{\"kty\": \"oct\", \"k\": \"AA\"}]}"] {
        let file = File::new(odd, 0o644);
        let refused = load(Tokens { jwks_file: Some(file.0.clone()), ..Tokens::default() });
        assert!(refused.contains("API keys"), "{refused}");
    }
}
