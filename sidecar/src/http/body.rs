//! Bodies of requests: read whole before anything is done with them, and therefore bounded in bytes and in time, whoever asks.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::problem::Problem;

/// How long a body may take, from its first byte to its last.
const LIMIT: Duration = Duration::from_secs(10);

/// Why a body was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    TooSlow,
    Broken,
    Crowded,
}

impl Unread {
    /// How that is answered.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::Crowded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The same in words, where so many bytes are read at the most.
    pub(super) fn problem(&self, most: usize) -> Problem {
        let detail = match self {
            Self::TooLarge => format!("the body has more than {most} bytes"),
            Self::TooSlow => "the body took too long".into(),
            Self::Broken | Self::Crowded => "the body could not be read".into(),
        };
        Problem::new(self.status(), detail).because("body_unread")
    }
}

/// Reads a body of so many bytes at the most. It may hold a secret: wiped when dropped.
pub(super) async fn read(headers: &HeaderMap, body: Body, most: usize) -> Result<Zeroizing<Vec<u8>>, Unread> {
    read_within(headers, body, most, |_| Ok(())).await.map(Zeroizing::new)
}

/// The same where each length that it reaches must be allowed.
pub(super) async fn read_within(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    allow: impl FnMut(usize) -> Result<(), Unread>,
) -> Result<Vec<u8>, Unread> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    // before a byte of it is read
    if announced.is_some_and(|length: usize| length > most) {
        return Err(Unread::TooLarge);
    }
    timeout(LIMIT, collect(body, most, allow)).await.unwrap_or(Err(Unread::TooSlow))
}

async fn collect(
    body: Body,
    most: usize,
    mut allow: impl FnMut(usize) -> Result<(), Unread>,
) -> Result<Vec<u8>, Unread> {
    let (mut bytes, mut chunks) = (Vec::new(), body.into_data_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Unread::Broken)?;
        let length = bytes.len() + chunk.len();
        if length > most {
            return Err(Unread::TooLarge);
        }
        allow(length)?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_is_bounded_in_bytes_and_time() {
        let headers = HeaderMap::new();
        let of = |text: &'static str| read(&headers, Body::from(text), 4);
        assert_eq!(of("").await.unwrap().as_slice(), b"");
        assert_eq!(of("four").await.unwrap().as_slice(), b"four");
        assert_eq!(of("fives").await.err(), Some(Unread::TooLarge));
        let mut announced = HeaderMap::new();
        announced.insert(CONTENT_LENGTH, "5".parse().unwrap());
        assert_eq!(read(&announced, Body::empty(), 4).await.err(), Some(Unread::TooLarge));
        let silent = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
        assert_eq!(read(&headers, silent, 4).await.err(), Some(Unread::TooSlow));
        // a byte now and then does not make it last
        let slow = Body::from_stream(stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            Some((Ok::<_, std::io::Error>(vec![b'x']), ()))
        }));
        assert_eq!(read(&headers, slow, 100).await.err(), Some(Unread::TooSlow));
        let broken = Body::from_stream(stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("cut"))]));
        assert_eq!(read(&headers, broken, 4).await.err(), Some(Unread::Broken));
    }
}
