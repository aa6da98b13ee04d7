//! Bodies of webhooks: those of all together are bounded in bytes too.

use axum::body::Body;
use axum::http::HeaderMap;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::body::{Unread, read_within};

/// The most bytes of a body.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
/// The most bytes of all bodies that are held at a time, in units of a kibibyte.
const MAX_HELD: usize = 64 * 1024;
const UNIT: usize = 1024;

/// Reads bodies.
pub(super) struct Bodies(Semaphore);

impl Default for Bodies {
    fn default() -> Self {
        Self(Semaphore::new(MAX_HELD))
    }
}

/// A body that was read, and its share of what may be held.
#[derive(Debug)]
pub(super) struct Held<'a> {
    bytes: Vec<u8>,
    _share: Option<SemaphorePermit<'a>>,
}

impl Held<'_> {
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }
}

impl Bodies {
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held<'_>, Unread> {
        let (mut share, mut units) = (None::<SemaphorePermit<'_>>, 0);
        let bytes = read_within(headers, body, MAX_BYTES, |length| {
            let needed = u32::try_from(length.div_ceil(UNIT) - units).unwrap_or(u32::MAX);
            if needed > 0 {
                let more = self.0.try_acquire_many(needed).map_err(|_| Unread::Crowded)?;
                match &mut share {
                    Some(share) => share.merge(more),
                    none => *none = Some(more),
                }
                units += needed as usize;
            }
            Ok(())
        })
        .await?;
        Ok(Held { bytes, _share: share })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_LENGTH;
    use futures_util::stream;

    use super::*;

    fn body_of(chunks: Vec<usize>) -> Body {
        Body::from_stream(stream::iter(chunks.into_iter().map(|n| Ok::<_, std::io::Error>(vec![b'x'; n]))))
    }

    async fn read(bodies: &Bodies, body: Body) -> Result<usize, Unread> {
        bodies.read(&HeaderMap::new(), body).await.map(|held| held.as_slice().len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_gives_back_what_it_held() {
        let bodies = Bodies::default();
        assert_eq!(read(&bodies, body_of(vec![])).await, Ok(0));
        assert_eq!(read(&bodies, body_of(vec![10, 0, 20])).await, Ok(30));
        assert_eq!(read(&bodies, body_of(vec![MAX_BYTES])).await, Ok(MAX_BYTES));
        assert_eq!(read(&bodies, body_of(vec![MAX_BYTES, 1])).await, Err(Unread::TooLarge));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, (MAX_BYTES + 1).to_string().parse().unwrap());
        assert_eq!(bodies.read(&headers, Body::empty()).await.err(), Some(Unread::TooLarge));
        let silent = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
        assert_eq!(read(&bodies, silent).await, Err(Unread::TooSlow));
        let broken = Body::from_stream(stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("cut"))]));
        assert_eq!(read(&bodies, broken).await, Err(Unread::Broken));
        assert_eq!(bodies.0.available_permits(), MAX_HELD, "expected everything to be given back");
    }

    #[tokio::test]
    async fn all_bodies_together_are_bounded() {
        let bodies = Bodies::default();
        let mut held = Vec::new();
        for _ in 0..MAX_HELD * UNIT / MAX_BYTES {
            held.push(bodies.read(&HeaderMap::new(), body_of(vec![MAX_BYTES])).await.unwrap());
        }
        assert_eq!(read(&bodies, body_of(vec![1])).await, Err(Unread::Crowded));
        held.pop();
        assert_eq!(read(&bodies, body_of(vec![MAX_BYTES])).await, Ok(MAX_BYTES));
    }
}
