//! Somebody who has read what went over the wire, and has every token of it, but no key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crier_tests::pds::Pds;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

const LIST: &str = "com.atproto.server.getSession";

/// Tries the last token that went over the wire in every way there is without the key.
pub(super) async fn gets_nothing(pds: &Pds, did: &str) {
    let seen = pds.seen().await["bound"].clone();
    let text = |name: &str| seen[name].as_str().unwrap_or_else(|| panic!("no {name} in {seen}")).to_owned();
    let token = text("authorization").strip_prefix("DPoP ").expect("a bound token").to_owned();
    let bearer = format!("Bearer {token}");
    let (status, body, headers) = call(pds, "GET", LIST, &bearer, None).await;
    assert!(matches!(status, 400 | 401), "as a bearer: {status} {body}");
    assert!(!body.to_string().contains(did), "{body}");

    let bound = format!("DPoP {token}");
    let (status, body, _) = call(pds, "GET", LIST, &bound, None).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (401, Some("invalid_dpop_proof")),
        "without a proof: {body}"
    );

    // the very call, once more
    let path = text("url").trim_start_matches("/xrpc/").to_owned();
    let (status, body, _) = call(pds, &text("method"), &path, &bound, Some(text("dpop"))).await;
    assert_eq!(status, 401, "a proof twice: {body}");
    // for another call
    let (status, body, _) = call(pds, "GET", LIST, &bound, Some(text("dpop"))).await;
    assert_eq!(status, 401, "a proof of another call: {body}");

    // a proof of the thief's own, as it should be but for the key
    let nonce = headers.get("dpop-nonce").or(None).and_then(|nonce| nonce.to_str().ok()).map(str::to_owned);
    let nonce = match nonce {
        Some(nonce) => nonce,
        None => {
            let (_, _, headers) = call(pds, "GET", LIST, &bound, None).await;
            headers["dpop-nonce"].to_str().expect("a nonce").to_owned()
        }
    };
    let proof = proof(&format!("{}/xrpc/{LIST}", pds.name()), &token, &nonce);
    let (status, body, _) = call(pds, "GET", LIST, &bound, Some(proof)).await;
    assert_eq!((status, body["error"].as_str()), (401, Some("invalid_token")), "another key: {body}");
    assert!(body["message"].as_str().is_some_and(|why| why.contains("key binding")), "{body}");
}

async fn call(
    pds: &Pds,
    method: &str,
    name: &str,
    authorization: &str,
    proof: Option<String>,
) -> (u16, Value, HeaderMap) {
    let url = format!("{}/xrpc/{name}", pds.name());
    let request = crier_tests::http::client().request(method.parse().expect("a method"), url);
    let request = request.header(AUTHORIZATION, authorization);
    let request = match proof {
        Some(proof) => request.header("dpop", proof),
        None => request,
    };
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.expect("a text");
    (status, serde_json::from_str(&text).unwrap_or_default(), headers)
}

/// A proof with a key of its own.
fn proof(url: &str, token: &str, nonce: &str) -> String {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
    let key = key.expect("a key");
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64(x), "y": base64(y)});
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    let claims = json!({
        "jti": uuid::Uuid::new_v4(), "htm": "GET", "htu": url, "iat": since_1970.as_secs(), "nonce": nonce,
        "ath": base64(digest(&SHA256, token.as_bytes()).as_ref()),
    });
    let signed =
        format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
    let signature = key.sign(&random, signed.as_bytes()).expect("a signature");
    format!("{signed}.{}", base64(signature.as_ref()))
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
