//! Reads the documents that tell where an account and its login are. A redirect is no answer: none of them may send elsewhere.

use reqwest::Method;
use serde_json::Value;

use crate::client::{Answer, Client};
use crate::providers::Failure;
use crate::providers::answer::{Phase, unclear};

/// Of a text that holds a name.
const MAX_TEXT: usize = 4_096;

/// What is at an address.
#[derive(Debug)]
pub(super) enum Got {
    /// JSON, with 200.
    Json(Value),
    /// Something else: the status. 200 that is not JSON counts as nothing there.
    Refused(u16),
}

/// Reads JSON.
pub(super) async fn json(client: &Client, url: &str, query: &[(&str, &str)]) -> Result<Got, Failure> {
    let answer = get(client, url, query).await?;
    Ok(match (answer.status, serde_json::from_slice(&answer.body)) {
        (200, Ok(json)) => Got::Json(json),
        (200, Err(_)) => Got::Refused(404),
        (status, _) => Got::Refused(status),
    })
}

/// Reads a short text; empty where there is none.
pub(super) async fn text(client: &Client, url: &str) -> Result<String, Failure> {
    let answer = get(client, url, &[]).await?;
    let fits = answer.status == 200 && answer.body.len() <= MAX_TEXT;
    let text = fits.then(|| std::str::from_utf8(&answer.body).ok()).flatten();
    Ok(text.unwrap_or_default().to_owned())
}

async fn get(client: &Client, url: &str, query: &[(&str, &str)]) -> Result<Answer, Failure> {
    let answer = client.send(client.request(Method::GET, url).query(query)).await;
    answer.map_err(|error| unclear(Phase::Login, &error))
}
