//! The media of a post: a JSON array of objects, read and checked the same way on both sides.

use serde::Deserialize;

/// The most characters of an alternative text.
pub const MAX_ALT_CHARS: usize = 2_000;
/// The most characters of an `https:` address.
pub const MAX_URL_CHARS: usize = 2_048;

/// One image of a post.
///
/// In JSON: `{"url": "https://…" | "data:image/png;base64,…", "alt": "what it shows"}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Where the bytes are: an `https:` address, or a `data:` address that carries them.
    pub url: String,
    /// What the image shows, for those who can't see it.
    #[serde(default)]
    pub alt: String,
}

/// Where the bytes of an image are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// Fetched over HTTPS when the post is prepared.
    Https(&'a str),
    /// Carried in the address itself.
    Data {
        /// The MIME type it states.
        mime_type: &'a str,
        /// The bytes in standard base64 with padding.
        base64: &'a str,
    },
}

/// Why an image can't be accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The JSON is not an array of image objects.
    #[error("media must be an array of objects like {{\"url\": …, \"alt\": …}}: {0}")]
    Shape(String),
    /// The address is neither `https:` nor `data:`.
    #[error("the address {0:?} is neither an https: address nor a data: address")]
    Address(String),
    /// A `data:` address without type and base64 marker, or with characters that are not base64.
    #[error("the data: address is not of the form data:image/…;base64,…")]
    DataAddress,
    /// An address longer than browsers and platforms take.
    #[error("the address has {0} characters; at most {MAX_URL_CHARS} are accepted")]
    LongAddress(usize),
    /// An alternative text longer than platforms take.
    #[error("the alternative text has {0} characters; at most {MAX_ALT_CHARS} are accepted")]
    LongAlt(usize),
}

/// Reads the media of a post from its JSON.
pub fn parse(media: &serde_json::Value) -> Result<Vec<Image>, MediaError> {
    Vec::<Image>::deserialize(media).map_err(|error| MediaError::Shape(error.to_string()))
}

impl Image {
    /// Where the bytes are.
    pub fn source(&self) -> Result<Source<'_>, MediaError> {
        if let Some(rest) = self.url.strip_prefix("data:") {
            let (mime_type, base64) = rest.split_once(";base64,").ok_or(MediaError::DataAddress)?;
            return if is_base64(base64) {
                Ok(Source::Data { mime_type, base64 })
            } else {
                Err(MediaError::DataAddress)
            };
        }
        let host = self.url.strip_prefix("https://").unwrap_or_default();
        if host.is_empty() || host.starts_with('/') || self.url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(MediaError::Address(self.url.chars().take(80).collect()));
        }
        match self.url.chars().count() {
            long if long > MAX_URL_CHARS => Err(MediaError::LongAddress(long)),
            _ => Ok(Source::Https(&self.url)),
        }
    }

    /// Checks the alternative text.
    pub fn check_alt(&self) -> Result<(), MediaError> {
        match self.alt.chars().count() {
            long if long > MAX_ALT_CHARS => Err(MediaError::LongAlt(long)),
            _ => Ok(()),
        }
    }
}

impl Source<'_> {
    /// The number of bytes, where it is known before the image is fetched.
    pub fn known_len(&self) -> Option<usize> {
        match self {
            Self::Https(_) => None,
            Self::Data { base64, .. } => {
                let padding = base64.bytes().rev().take_while(|b| *b == b'=').count();
                Some(base64.len() / 4 * 3 - padding)
            }
        }
    }
}

/// Standard alphabet, whole groups of four, at most two characters of padding at the end.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn image(url: &str) -> Image {
        Image { url: url.into(), alt: String::new() }
    }

    #[test]
    fn addresses_are_told_apart() {
        assert_eq!(image("https://a.example/x.png").source(), Ok(Source::Https("https://a.example/x.png")));
        let data = image("data:image/png;base64,AAAA");
        assert_eq!(data.source(), Ok(Source::Data { mime_type: "image/png", base64: "AAAA" }));
        assert_eq!(data.source().map(|s| s.known_len()), Ok(Some(3)));
        for bad in ["", "http://a.example/x", "file:///etc/passwd", "https://", "https:///x", "https://a b"] {
            assert!(matches!(image(bad).source(), Err(MediaError::Address(_))), "{bad}");
        }
        for bad in ["data:", "data:image/png,AAAA", "data:image/png;base64,", "data:image/png;base64,A==="] {
            assert_eq!(image(bad).source(), Err(MediaError::DataAddress), "{bad}");
        }
    }

    #[test]
    fn only_arrays_of_image_objects_are_media() {
        assert_eq!(parse(&json!([])), Ok(vec![]));
        for bad in [json!(null), json!({}), json!([1]), json!([{}]), json!([{"url": "x", "src": "y"}])] {
            assert!(matches!(parse(&bad), Err(MediaError::Shape(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_address_panics(url in "\\PC*") {
            let _ = image(&url).source().map(|s| s.known_len());
            let _ = image(&format!("data:{url}")).source().map(|s| s.known_len());
        }
    }
}
