//! Instagram's own login: a code gives a token of an hour, that one a token of sixty days, which is renewed with itself.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::secret;
use crate::client::Client;
use crate::providers::answer::Phase;
use crate::providers::graph::Graph;
use crate::providers::instagram::classify::read;
use crate::providers::instagram::{SERVER as USUAL, session};
use crate::providers::oauth;
use crate::providers::{App, Callback, Failure, Granted};

pub(super) const SERVER: &str = USUAL;
pub(super) const AUTHORIZE: &str = "https://www.instagram.com/oauth/authorize";
pub(super) const TOKEN: &str = "https://api.instagram.com/oauth/access_token";
const NEEDED: [&str; 2] = ["instagram_business_basic", "instagram_business_content_publish"];
/// Comments, and the figures of posts.
const USEFUL: [&str; 2] = ["instagram_business_manage_comments", "instagram_business_manage_insights"];

#[derive(Deserialize)]
struct Short {
    access_token: SecretString,
    #[serde(default)]
    permissions: Value,
}

#[derive(Deserialize)]
struct Long {
    access_token: SecretString,
    #[serde(default)]
    expires_in: Value,
}

/// With commas, as Meta has them.
pub(super) fn scopes() -> String {
    [NEEDED, USEFUL].concat().join(",")
}

pub(super) async fn finish(
    client: &Client,
    token_url: &str,
    app: &App,
    callback: &Callback<'_>,
) -> Result<Vec<Granted>, Failure> {
    let ask = &callback.ask;
    let form = [
        ("client_id", app.client_id.as_str()),
        ("client_secret", secret(app)?.expose_secret()),
        ("grant_type", "authorization_code"),
        ("redirect_uri", ask.redirect_uri),
        ("code", callback.code.expose_secret()),
    ];
    let short = short(read(Phase::Login, client.send(oauth::form(client, token_url, &form)).await)?)?;
    let granted = oauth::granted(&short.permissions, &[NEEDED, USEFUL].concat());
    let missing = oauth::missing(&granted, &NEEDED, &USEFUL, |given, wanted| given == wanted)?;
    let long = lasting(client, app, ask.server, &short.access_token).await?;
    let session = session::made(long.access_token, &long.expires_in);
    let server = Graph::new(client, ask.server, Some(&session.access));
    let (external_id, handle) = session::whose(&server).await?;
    Ok(vec![Granted { external_id, handle, base_url: ask.server.to_owned(), session, missing }])
}

/// The documents show the answer in a list of one, the servers also without.
fn short(answer: Value) -> Result<Short, Failure> {
    let inner = match &answer["data"][0] {
        Value::Null => answer,
        first => first.clone(),
    };
    serde_json::from_value(inner).map_err(|_| no_token())
}

/// This call takes the secret and the token in the address alone. No error tells an address, and libraries don't log.
async fn lasting(client: &Client, app: &App, server: &str, token: &SecretString) -> Result<Long, Failure> {
    let query = [
        ("grant_type", "ig_exchange_token"),
        ("client_secret", secret(app)?.expose_secret()),
        ("access_token", token.expose_secret()),
    ];
    let long: Long =
        read(Phase::Login, Graph::new(client, server, None).get_unversioned("access_token", &query).await)?;
    if long.access_token.expose_secret().is_empty() { Err(no_token()) } else { Ok(long) }
}

fn no_token() -> Failure {
    Failure::new(crier_core::error_class::ErrorClass::Transient, "the answer holds no token")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_is_read_in_both_shapes() {
        for answer in [
            json!({ "access_token": "a", "user_id": 7, "permissions": ["x", "y"] }),
            json!({ "data": [{ "access_token": "a", "user_id": "7", "permissions": "x,y" }] }),
        ] {
            let short = short(answer).unwrap();
            assert_eq!(short.access_token.expose_secret(), "a");
            assert_eq!(oauth::granted(&short.permissions, &[]), ["x", "y"]);
        }
        for odd in [json!({}), json!([]), json!(null), json!({ "data": [] }), json!({ "access_token": 7 })] {
            assert!(short(odd).is_err());
        }
    }
}
