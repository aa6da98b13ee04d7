//! A platform that sends webhooks: signs them as each of them does, with another implementation than the sidecar's.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{hmac, signature};

/// Every platform that sends webhooks.
pub const PLATFORMS: [&str; 11] = [
    "facebook",
    "instagram",
    "threads",
    "x",
    "linkedin",
    "tiktok",
    "slack",
    "discord",
    "telegram",
    "youtube",
    "ghost",
];

/// A delivery before it is sent.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// To the byte.
    pub body: Vec<u8>,
}

/// What a platform sends, signed with `secret` at a time in seconds since 1970. The secret of Discord is the seed of its key, as
/// hexadecimal digits.
pub fn delivery(platform: &str, secret: &str, body: &str, at: u64) -> Delivery {
    let sha256 = |parts: &[&str]| mac(hmac::HMAC_SHA256, secret, parts);
    let hex256 = |parts: &[&str]| hex(&sha256(parts));
    let media_type = if platform == "youtube" { "application/atom+xml" } else { "application/json" };
    let time = at.to_string();
    let mut headers = vec![("content-type", media_type.to_owned())];
    headers.extend(match platform {
        "x" => vec![("x-twitter-webhooks-signature", format!("sha256={}", STANDARD.encode(sha256(&[body]))))],
        "linkedin" => vec![("x-li-signature", hex256(&["hmacsha256=", body]))],
        "tiktok" => vec![("tiktok-signature", format!("t={time},s={}", hex256(&[&time, ".", body])))],
        "slack" => vec![
            ("x-slack-signature", format!("v0={}", hex256(&["v0:", &time, ":", body]))),
            ("x-slack-request-timestamp", time),
        ],
        "discord" => {
            let signature = discord_key(secret).sign(format!("{time}{body}").as_bytes());
            vec![("x-signature-ed25519", hex(signature.as_ref())), ("x-signature-timestamp", time)]
        }
        "telegram" => vec![("x-telegram-bot-api-secret-token", secret.to_owned())],
        "youtube" => {
            let sha1 = mac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret, &[body]);
            vec![("x-hub-signature", format!("sha1={}", hex(&sha1)))]
        }
        "ghost" => {
            let ms = format!("{time}123");
            vec![("x-ghost-signature", format!("sha256={}, t={ms}", hex256(&[body, &ms])))]
        }
        _ => vec![("x-hub-signature-256", format!("sha256={}", hex256(&[body])))],
    });
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Delivery { headers, body: body.as_bytes().to_vec() }
}

/// Meta's callback of a user who removed the app.
pub fn deauthorized(secret: &str, user: &str, at: u64) -> Delivery {
    let payload = format!(r#"{{"algorithm":"HMAC-SHA256","issued_at":{at},"user_id":"{user}"}}"#);
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let signature = URL_SAFE_NO_PAD.encode(mac(hmac::HMAC_SHA256, secret, &[&payload]));
    let media_type = "application/x-www-form-urlencoded".to_owned();
    Delivery {
        headers: vec![("content-type".to_owned(), media_type)],
        body: format!("signed_request={signature}.{payload}").into_bytes(),
    }
}

/// What stands in the file of secrets for a secret: itself, but for Discord its public key.
pub fn line_of(platform: &str, secret: &str) -> String {
    use signature::KeyPair as _;
    if platform == "discord" { hex(discord_key(secret).public_key().as_ref()) } else { secret.to_owned() }
}

/// HMAC-SHA256 as hexadecimal digits, and as base64.
pub fn answer_to(challenge: &str, secret: &str) -> (String, String) {
    let mac = mac(hmac::HMAC_SHA256, secret, &[challenge]);
    (hex(&mac), STANDARD.encode(mac))
}

fn mac(algorithm: hmac::Algorithm, secret: &str, parts: &[&str]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, secret.as_bytes()));
    parts.iter().for_each(|part| context.update(part.as_bytes()));
    context.sign().as_ref().to_vec()
}

fn discord_key(seed: &str) -> signature::Ed25519KeyPair {
    let bytes: Vec<u8> =
        (0..seed.len() / 2).filter_map(|at| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).ok()).collect();
    signature::Ed25519KeyPair::from_seed_unchecked(&bytes)
        .unwrap_or_else(|error| panic!("a seed of 64 hexadecimal digits: {error}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
