//! The calls of the API: `{base}/v2/{path}`, and uploads, whose addresses TikTok gives.

use crier_core::error_class::ErrorClass;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;

use super::chunks::Chunk;
use crate::address::check_loopback;
use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::{Failure, Reach};
use crate::secrets::Session;

/// How long a chunk may take. The last one is sent under a lease that is made for calls: it must be gone well before what is
/// not seen is believed to be absent.
const CHUNK: Duration = Duration::from_secs(60);
/// The most characters of an upload's address; TikTok says 256.
const MAX_ADDRESS: usize = 2_048;

/// The server, for nobody or for one account.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    client: &'a Client,
    base_url: &'a str,
    version: &'a str,
    session: Option<&'a Session>,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, base_url: &'a str, version: &'a str) -> Self {
        Self { client, base_url, version, session: None }
    }

    /// The same for an account.
    pub(super) fn with(self, session: &'a Session) -> Self {
        Self { session: Some(session), ..self }
    }

    fn request(&self, method: Method, path: &str, params: &[(&str, &str)]) -> RequestBuilder {
        let address = format!("{}/{}/{path}/", self.base_url, self.version);
        let request = self.client.request(method, &address).query(params);
        self.session.into_iter().fold(request, |request, session| bearer(request, &session.access))
    }

    pub(super) async fn get(&self, path: &str, params: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::GET, path, params)).await
    }

    /// Sends JSON.
    pub(super) async fn post(
        &self,
        path: &str,
        params: &[(&str, &str)],
        body: &Value,
    ) -> Result<Answer, CallError> {
        self.send(path, params, body.to_string()).await
    }

    /// Sends JSON as it is written.
    pub(super) async fn send(
        &self,
        path: &str,
        params: &[(&str, &str)],
        body: String,
    ) -> Result<Answer, CallError> {
        let request = self.request(Method::POST, path, params);
        let request = request.header(CONTENT_TYPE, "application/json; charset=UTF-8");
        self.client.send(request.body(body)).await
    }

    /// Sends a chunk of a video to where TikTok said. No token goes there: the address is all that it takes.
    pub(super) async fn put(
        &self,
        address: &str,
        (mime_type, chunk): (&str, Chunk),
        bytes: Vec<u8>,
    ) -> Result<Answer, CallError> {
        // an address of the public internet, unless TikTok itself is on this machine
        let reach = Reach { allow_loopback: check_loopback(self.base_url).is_ok() };
        let client = self.client.within(reach);
        let request = client
            .request(Method::PUT, address)
            .header(CONTENT_TYPE, mime_type)
            .header(CONTENT_LENGTH, bytes.len())
            .header(CONTENT_RANGE, chunk.range())
            .timeout(CHUNK);
        client.send(request.body(bytes)).await
    }

    /// Whether an upload can be where TikTok says.
    pub(super) fn check_address(&self, address: &str) -> Result<(), Failure> {
        let is_one = address.starts_with("https://")
            || address.starts_with("http://") && check_loopback(self.base_url).is_ok();
        if is_one && address.len() <= MAX_ADDRESS {
            return Ok(());
        }
        Err(Failure::new(ErrorClass::Transient, "the answer has no address for the video"))
    }
}
