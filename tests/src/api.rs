//! The API for users as a test serves it, and the tokens that it believes.

use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::crierd::{Crierd, Deployment};

const SECRET: &str = "a secret of tests, long enough for HS256";
/// How long a token is good: longer than whatever uses it.
const GOOD: u64 = 24 * 60 * 60;

/// Writes down by what tokens are verified; gives the file.
pub fn secret(deployment: &Deployment) -> String {
    let secret = deployment.dir().join("api.secret");
    std::fs::write(&secret, SECRET)
        .and_then(|()| std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)))
        .unwrap_or_else(|error| panic!("{}: {error}", secret.display()));
    secret.display().to_string()
}

/// Starts a sidecar that serves the API, with a login of its own.
pub async fn start(deployment: &Deployment, api_url: &str, settings: &[(&str, &str)]) -> Crierd {
    let secret = secret(deployment);
    let mut all = vec![
        ("CRIER_API_LISTEN", "127.0.0.1:0"),
        ("CRIER_API_JWT_SECRET_FILE", secret.as_str()),
        ("CRIER_API_DATABASE_URL", api_url),
    ];
    all.extend(settings);
    deployment.start_with(&all).await
}

/// A token of a user.
pub fn token(user: Uuid) -> String {
    signed(&json!({"sub": user, "role": "authenticated", "aud": "authenticated", "exp": now() + GOOD}))
}

/// A token that makes these claims.
pub fn signed(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
