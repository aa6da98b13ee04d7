//! Gets the bytes of an attachment: carried in its address, or fetched under the rules of `address`. Images come whole;
//! videos and documents in parts, so that memory holds no more than one.

mod metadata;
mod mp4;
mod name;
mod part;
mod stream;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind, Source};
use crier_core::platform::Platform;
use crier_core::validate;
use imagesize::ImageType;
use reqwest::Response;
use url::Url;

use crate::address::{self, PublicResolver};
use crate::client;
use crate::error::{Error, chain};
use crate::providers::Failure;

pub(crate) use mp4::{length, shape};
pub(crate) use name::plain_name;
pub(crate) use part::file_type;
pub(crate) use stream::PART;

/// How long an image may take.
const FETCH: Duration = Duration::from_secs(60);
/// Addresses an image may be sent on to; each is checked like the first.
const MAX_HOPS: usize = 3;

/// Fetches images. It has its own client, which never carries a credential.
#[derive(Debug, Clone)]
pub struct Fetcher {
    http: reqwest::Client,
}

/// An image with what its bytes say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mime_type: &'static str,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Fetcher {
    /// Makes the fetcher.
    pub fn new() -> Result<Self, Error> {
        let http = client::builder(PublicResolver { allow_localhost: false })?
            .timeout(FETCH)
            .https_only(true)
            .build()
            .map_err(|error| Error::Tls(chain(&error)))?;
        Ok(Self { http })
    }

    /// The image at place `index` (the first is 1), checked against what the platform accepts.
    pub(crate) async fn picture(
        &self,
        platform: &'static Platform,
        index: usize,
        image: &Attachment,
    ) -> Result<Picture, Failure> {
        let source = image.source().map_err(|error| invalid(Kind::Image, index, &error.to_string()))?;
        let bytes = match source {
            Source::Data { base64, .. } => decoded(index, base64)?,
            Source::Https(url) => self.fetch(platform, index, url).await?,
        };
        inspect(platform, index, bytes)
    }

    /// The same of one that carries its bytes: nothing is fetched.
    pub(crate) fn carried_picture(
        platform: &'static Platform,
        index: usize,
        image: &Attachment,
    ) -> Result<Picture, Failure> {
        let source = image.source().map_err(|error| invalid(Kind::Image, index, &error.to_string()))?;
        match source {
            Source::Data { base64, .. } => inspect(platform, index, decoded(index, base64)?),
            Source::Https(_) => Err(invalid(Kind::Image, index, "it does not carry its bytes")),
        }
    }

    async fn fetch(&self, platform: &'static Platform, index: usize, url: &str) -> Result<Vec<u8>, Failure> {
        read(platform, index, self.get(Kind::Image, index, url, None).await?).await
    }

    /// Asks for an address, or for the bytes of a range of it, and follows where it leads.
    async fn get(
        &self,
        kind: Kind,
        index: usize,
        url: &str,
        range: Option<&str>,
    ) -> Result<Response, Failure> {
        let check =
            |url: &str| address::check_public(url).map_err(|why| invalid(kind, index, &why.to_string()));
        let mut url = check(url)?;
        for _ in 0..=MAX_HOPS {
            let request = self.http.get(url.clone());
            let request = range
                .map(|range| format!("bytes={range}"))
                .into_iter()
                .fold(request, |request, range| request.header(reqwest::header::RANGE, range));
            let response = request.send().await.map_err(|error| network(kind, index, error))?;
            // The resolver already refused these; a second look costs nothing.
            if response.remote_addr().is_some_and(|peer| !address::is_public(peer.ip())) {
                return Err(invalid(kind, index, &address::Forbidden::Private.to_string()));
            }
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let next =
                next_hop(&url, &response).ok_or_else(|| invalid(kind, index, "a redirect leads nowhere"))?;
            url = check(&next)?;
        }
        Err(invalid(kind, index, "it is redirected too often"))
    }
}

fn next_hop(from: &Url, response: &Response) -> Option<String> {
    let location = response.headers().get(reqwest::header::LOCATION)?.to_str().ok()?;
    from.join(location).ok().map(String::from)
}

async fn read(platform: &'static Platform, index: usize, mut response: Response) -> Result<Vec<u8>, Failure> {
    must_succeed(Kind::Image, index, &response)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| network(Kind::Image, index, error))? {
        bytes.extend_from_slice(&chunk);
        validate::check_len(platform, Kind::Image, index, bytes.len()).map_err(refused)?;
    }
    Ok(bytes)
}

fn must_succeed(kind: Kind, index: usize, response: &Response) -> Result<(), Failure> {
    match response.status().as_u16() {
        200 | 206 => Ok(()),
        status @ (408 | 425 | 429 | 500..) => Err(later(kind, index, &format!("its host answered {status}"))),
        status => Err(invalid(kind, index, &format!("its host answered {status}"))),
    }
}

fn decoded(index: usize, base64: &str) -> Result<Vec<u8>, Failure> {
    STANDARD.decode(base64).map_err(|_| invalid(Kind::Image, index, "its data: address is not base64"))
}

/// Reads type and size from the bytes: what an address or a header claims is not proof.
fn inspect(platform: &'static Platform, index: usize, bytes: Vec<u8>) -> Result<Picture, Failure> {
    validate::check_len(platform, Kind::Image, index, bytes.len()).map_err(refused)?;
    let mime_type = mime_type(&bytes)
        .ok_or_else(|| invalid(Kind::Image, index, "its bytes are not an image that is known"))?;
    validate::check_type(platform, Kind::Image, index, mime_type).map_err(refused)?;
    let size =
        imagesize::blob_size(&bytes).map_err(|_| invalid(Kind::Image, index, "its size can't be read"))?;
    if size.width == 0 || size.height == 0 {
        return Err(invalid(Kind::Image, index, "it has no extent"));
    }
    let stripped = metadata::strip(mime_type, &bytes)
        .filter(|stripped| imagesize::blob_size(&stripped.bytes).is_ok_and(|after| after == size));
    let (bytes, on_its_side) = match stripped {
        Some(stripped) => (stripped.bytes, stripped.on_its_side),
        None => (bytes, false),
    };
    let (width, height) = if on_its_side { (size.height, size.width) } else { (size.width, size.height) };
    Ok(Picture { bytes, mime_type, width, height })
}

fn mime_type(bytes: &[u8]) -> Option<&'static str> {
    match imagesize::image_type(bytes).ok()? {
        ImageType::Jpeg => Some("image/jpeg"),
        ImageType::Png => Some("image/png"),
        ImageType::Webp => Some("image/webp"),
        ImageType::Gif => Some("image/gif"),
        _ => None,
    }
}

fn network(kind: Kind, index: usize, error: reqwest::Error) -> Failure {
    match address::forbidden(&error) {
        Some(why) => invalid(kind, index, &why.to_string()),
        None => later(kind, index, &chain(&error.without_url())),
    }
}

fn invalid(kind: Kind, index: usize, why: &str) -> Failure {
    Failure::new(ErrorClass::ContentInvalid, format!("{} {index}: {why}", kind.as_str()))
}

fn later(kind: Kind, index: usize, why: &str) -> Failure {
    let what = kind.as_str();
    Failure::new(ErrorClass::Transient, format!("{what} {index} could not be fetched: {why}"))
}

fn refused(violation: validate::Violation) -> Failure {
    Failure::new(ErrorClass::ContentInvalid, violation.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crier_core::platform::bluesky::PLATFORM as BLUESKY;

    /// A GIF of 3 by 2 pixels.
    const GIF: &str = "R0lGODdhAwACAIAAAAAAAP///ywAAAAAAwACAAACAoRdADs=";

    async fn picture(url: &str) -> Result<Picture, Failure> {
        let image = Attachment { url: url.into(), alt: String::new(), stated: None };
        Fetcher::new().unwrap().picture(&BLUESKY, 2, &image).await
    }

    #[tokio::test]
    async fn the_bytes_tell_type_and_size() {
        // It claims to be a PNG; the bytes know better.
        let picture = picture(&format!("data:image/png;base64,{GIF}")).await.unwrap();
        assert_eq!((picture.mime_type, picture.width, picture.height), ("image/gif", 3, 2));
    }

    #[tokio::test]
    async fn what_is_no_image_is_refused_by_its_place() {
        let failure = picture("data:image/png;base64,AAAA").await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::ContentInvalid);
        assert!(failure.message.starts_with("image 2"), "{failure}");
    }

    #[tokio::test]
    async fn the_operators_network_is_out_of_reach() {
        for url in
            ["https://localhost/x.png", "https://127.0.0.1/x.png", "https://[::1]/x.png", "http://a.example/"]
        {
            let failure = picture(url).await.unwrap_err();
            assert_eq!(failure.class, ErrorClass::ContentInvalid, "{url}: {failure}");
        }
    }

    #[test]
    fn too_many_bytes_are_refused() {
        let failure = inspect(&BLUESKY, 1, vec![0; BLUESKY.images.max_bytes + 1]).unwrap_err();
        assert!(failure.message.contains("2000001"), "{failure}");
    }
}
