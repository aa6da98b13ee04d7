//! The calls: `POST {base}/api/{endpoint}`, all of them, with the token in the body, where every version of a server takes it.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::platform::misskey::{is_id, is_name};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::Form;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::classify::failure;
use crate::client::{Answer, CallError, Client};
use crate::providers::Failure;
use crate::providers::answer::{self, Fields, Phase, unclear};
use crate::providers::federated::host;

/// How long an upload may take.
const UPLOAD: std::time::Duration = std::time::Duration::from_secs(10 * 60);

/// One server, as an account of it or as nobody.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    client: &'a Client,
    pub(super) base_url: &'a str,
    token: Option<&'a SecretString>,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, base_url: &'a str, token: Option<&'a SecretString>) -> Self {
        Self { client, base_url, token }
    }

    /// Sends an object as it is written, with the token in front.
    pub(super) async fn call_text(&self, endpoint: &str, object: &str) -> Result<Answer, CallError> {
        let request = self.client.request(Method::POST, &format!("{}/api/{endpoint}", self.base_url));
        let body = self.token.map_or_else(|| object.to_owned(), |token| signed(token, object));
        self.client.send(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    pub(super) async fn call(&self, endpoint: &str, object: &Value) -> Result<Answer, CallError> {
        self.call_text(endpoint, &object.to_string()).await
    }

    /// Sends a form with a file. Servers read the fields before the file only.
    pub(super) async fn upload(
        &self,
        fields: Vec<(&'static str, String)>,
        file: reqwest::multipart::Part,
    ) -> Result<Answer, CallError> {
        let token = self.token.map(|token| ("i", token.expose_secret().to_owned()));
        let fields = token.into_iter().chain(fields);
        let form = fields.fold(Form::new(), |form, (name, value)| form.text(name, value)).part("file", file);
        let request = self.client.request(Method::POST, &format!("{}/api/drive/files/create", self.base_url));
        self.client.send(request.multipart(form).timeout(UPLOAD)).await
    }

    /// What the server says about itself.
    pub(super) async fn meta(&self) -> Result<Value, Failure> {
        let Fields(Meta { version, max_note_text_length }) =
            read(Phase::Read, self.call("meta", &json!({ "detail": false })).await)?;
        match version.is_string() {
            true => Ok(max_note_text_length),
            false => Err(Failure::new(ErrorClass::Transient, "the server's answer names no version")),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    version: Value,
    #[serde(default)]
    max_note_text_length: Value,
}

/// The object with the token as its first field.
fn signed(token: &SecretString, object: &str) -> String {
    let token = json!(token.expose_secret());
    match object.strip_prefix('{').map(str::trim_start) {
        Some("}") => format!("{{\"i\":{token}}}"),
        Some(fields) => format!("{{\"i\":{token},{fields}"),
        None => object.to_owned(),
    }
}

/// An account that a token is of.
#[derive(Deserialize)]
pub(super) struct Me {
    pub(super) id: String,
    pub(super) username: String,
}

impl Me {
    /// Checked, because it goes into addresses and names.
    pub(super) fn checked(self) -> Result<Self, Failure> {
        if is_id(&self.id) && is_name(&self.username) && !self.username.contains('@') {
            return Ok(self);
        }
        Err(Failure::new(ErrorClass::Transient, "the answer names no account"))
    }

    pub(super) fn handle(&self, base_url: &str) -> String {
        format!("{}@{}", self.username, host(base_url))
    }
}

/// Whose the token is.
pub(super) async fn me(api: &Api<'_>) -> Result<Me, Failure> {
    let Fields(me): Fields<Me> = read(Phase::Login, api.call("i", &json!({})).await)?;
    me.checked()
}

/// The content of a success, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure)
}

/// A success that has no content.
pub(super) fn done(phase: Phase, answer: Result<Answer, CallError>) -> Result<(), Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    match answer.status {
        200..=204 => Ok(()),
        _ => Err(failure(phase, &answer, SystemTime::now())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_first_field_of_what_is_written() {
        let signed = |object: &str| signed(&r#"a"b"#.into(), object);
        assert_eq!(signed(r#"{"text": "hi"}"#), r#"{"i":"a\"b","text": "hi"}"#);
        assert_eq!(signed("{}"), r#"{"i":"a\"b"}"#);
        assert_eq!(signed("[]"), "[]");
    }
}
