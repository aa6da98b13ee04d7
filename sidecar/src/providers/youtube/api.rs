//! The calls of the API: `{base}/youtube/{version}/{resource}`, and uploads, whose addresses YouTube gives.

use crier_core::error_class::ErrorClass;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use url::Url;

use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::Failure;
use crate::secrets::Session;

/// The most characters of an upload's address.
const MAX_ADDRESS: usize = 4_096;

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

    fn to(&self, method: Method, url: &str) -> RequestBuilder {
        let request = self.client.request(method, url);
        self.session.into_iter().fold(request, |request, session| bearer(request, &session.access))
    }

    fn request(&self, method: Method, resource: &str, params: &[(&str, &str)]) -> RequestBuilder {
        self.to(method, &format!("{}/youtube/{}/{resource}", self.base_url, self.version)).query(params)
    }

    /// Something that bytes are sent to.
    fn upload_to(&self, resource: &str, params: &[(&str, &str)]) -> RequestBuilder {
        self.to(Method::POST, &format!("{}/upload/youtube/{}/{resource}", self.base_url, self.version))
            .query(params)
    }

    pub(super) async fn get(&self, resource: &str, params: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::GET, resource, params)).await
    }

    pub(super) async fn delete(&self, resource: &str, id: &str) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::DELETE, resource, &[("id", id)])).await
    }

    /// Sends JSON.
    pub(super) async fn post(
        &self,
        resource: &str,
        params: &[(&str, &str)],
        body: &Value,
    ) -> Result<Answer, CallError> {
        let request = self.request(Method::POST, resource, params).header(CONTENT_TYPE, "application/json");
        self.client.send(request.body(body.to_string())).await
    }

    /// Opens an upload of so many bytes of a type.
    pub(super) async fn open(
        &self,
        params: &[(&str, &str)],
        body: &Value,
        (media_type, total): (&str, usize),
    ) -> Result<Answer, CallError> {
        let request = self
            .upload_to("videos", params)
            .header(CONTENT_TYPE, "application/json; charset=UTF-8")
            .header("x-upload-content-type", media_type)
            .header("x-upload-content-length", total);
        self.client.send(request.body(body.to_string())).await
    }

    /// Sends an image as it is.
    pub(super) async fn image(
        &self,
        resource: &str,
        params: &[(&str, &str)],
        (mime_type, bytes): (&str, Vec<u8>),
    ) -> Result<Answer, CallError> {
        self.client.send(self.upload_to(resource, params).header(CONTENT_TYPE, mime_type).body(bytes)).await
    }

    /// Sends bytes of an upload, or none to ask how far it is: `range` says which.
    pub(super) async fn put(&self, upload: &str, range: &str, bytes: Vec<u8>) -> Result<Answer, CallError> {
        let request = self
            .to(Method::PUT, upload)
            .header(CONTENT_LENGTH, bytes.len())
            .header(CONTENT_RANGE, format!("bytes {range}"));
        self.client.send(request.body(bytes)).await
    }

    /// An upload's address where it is one of the platform's own: the account's token goes there.
    pub(super) fn own_address<'u>(&self, upload: &'u str) -> Result<&'u str, Failure> {
        if is_own(self.base_url, upload) {
            return Ok(upload);
        }
        Err(Failure::new(ErrorClass::Transient, "the address of the upload is not one of YouTube's"))
    }
}

/// Whether an address is on the server, or on another one of Google's where that is one.
fn is_own(base_url: &str, upload: &str) -> bool {
    let (Ok(base), Ok(url)) = (Url::parse(base_url), Url::parse(upload)) else { return false };
    let is_googles = |url: &Url| {
        let host = url.host_str().unwrap_or_default();
        url.scheme() == "https" && url.port().is_none() && host.ends_with(".googleapis.com")
    };
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let is_there = url.origin() == base.origin() || is_googles(&base) && is_googles(&url);
    is_bare && is_there && upload.len() <= MAX_ADDRESS && url.path().contains("/upload/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_on_the_platforms_own_servers() {
        let google = "https://www.googleapis.com";
        for own in [
            "https://www.googleapis.com/upload/youtube/v3/videos?uploadType=resumable&upload_id=x",
            "https://youtube.googleapis.com/upload/youtube/v3/videos?upload_id=x",
        ] {
            assert!(is_own(google, own), "{own}");
        }
        for odd in [
            "",
            "http://www.googleapis.com/upload/x",
            "https://www.googleapis.com:8443/upload/x",
            "https://googleapis.com.evil.example/upload/x",
            "https://evilgoogleapis.com/upload/x",
            "https://a:b@www.googleapis.com/upload/x",
            "https://www.googleapis.com/oauth/x",
        ] {
            assert!(!is_own(google, odd), "{odd}");
        }
        let here = "http://127.0.0.1:9/youtube";
        assert!(is_own(here, "http://127.0.0.1:9/youtube/upload/x"));
        assert!(!is_own(here, "http://127.0.0.1:8/youtube/upload/x"));
        assert!(!is_own(here, "https://www.googleapis.com/upload/x"));
    }
}
