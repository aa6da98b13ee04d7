//! The media of a post: a JSON array of objects, read and checked the same way on both sides.

use serde::Deserialize;

/// The most characters of an alternative text.
pub const MAX_ALT_CHARS: usize = 2_000;
/// The most characters of an `https:` address.
pub const MAX_URL_CHARS: usize = 2_048;

/// One image, video or document of a post.
///
/// In JSON: `{"url": "https://…" | "data:image/png;base64,…", "alt": "what it shows", "type": "image" | "video" | "document"}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// Where the bytes are: an `https:` address, or a `data:` address that carries them.
    pub url: String,
    /// What it shows, for those who can't see it.
    #[serde(default)]
    pub alt: String,
    /// What it is; otherwise its address tells.
    #[serde(default, rename = "type")]
    pub stated: Option<Kind>,
}

/// What an attachment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A still or animated image.
    Image,
    /// A video.
    Video,
    /// A PDF.
    Document,
}

impl Kind {
    /// The word in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
        }
    }
}

/// Where the bytes of an attachment are.
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

/// Why an attachment can't be accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The JSON is not an array of such objects.
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
pub fn parse(media: &serde_json::Value) -> Result<Vec<Attachment>, MediaError> {
    Vec::<Attachment>::deserialize(media).map_err(|error| MediaError::Shape(error.to_string()))
}

/// Endings of addresses that are no images.
const ENDINGS: [(&str, Kind); 5] = [
    (".mp4", Kind::Video),
    (".mov", Kind::Video),
    (".m4v", Kind::Video),
    (".webm", Kind::Video),
    (".pdf", Kind::Document),
];
/// Beginnings of addresses that carry no images.
const BEGINNINGS: [(&str, Kind); 2] =
    [("data:video/", Kind::Video), ("data:application/pdf", Kind::Document)];

impl Attachment {
    /// What it is: as stated, or as its address tells. Anything unknown counts as an image, whose bytes then tell.
    pub fn kind(&self) -> Kind {
        // not read any further where it carries the bytes
        let told = if self.url.starts_with("data:") {
            BEGINNINGS.iter().find(|(beginning, _)| self.url.starts_with(beginning))
        } else {
            let path = self.url.split(['?', '#']).next().unwrap_or_default();
            let ends = |ending: &str| {
                let from = path.len().checked_sub(ending.len()).filter(|from| path.is_char_boundary(*from));
                from.is_some_and(|from| path[from..].eq_ignore_ascii_case(ending))
            };
            ENDINGS.iter().find(|(ending, _)| ends(ending))
        };
        self.stated.unwrap_or(told.map_or(Kind::Image, |(_, kind)| *kind))
    }

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

    fn image(url: &str) -> Attachment {
        Attachment { url: url.into(), alt: String::new(), stated: None }
    }

    #[test]
    fn what_it_is_is_stated_or_told_by_the_address() {
        for (url, kind) in [
            ("https://a.example/a.MP4?x=1.png", Kind::Video),
            ("https://a.example/a.mov#t=1", Kind::Video),
            ("https://a.example/mp4", Kind::Image),
            ("https://a.example/é", Kind::Image),
            ("data:video/mp4;base64,AAAA", Kind::Video),
            ("data:image/png;base64,AAAA", Kind::Image),
            ("", Kind::Image),
        ] {
            assert_eq!(image(url).kind(), kind, "{url}");
        }
        let stated = json!([{"url": "https://a.example/1", "type": "video"}]);
        assert_eq!(parse(&stated).map(|media| media[0].kind()), Ok(Kind::Video));
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
    fn only_arrays_of_such_objects_are_media() {
        assert_eq!(parse(&json!([])), Ok(vec![]));
        for bad in [json!(null), json!({}), json!([1]), json!([{}]), json!([{"url": "x", "src": "y"}])] {
            assert!(matches!(parse(&bad), Err(MediaError::Shape(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_address_panics(url in "\\PC*") {
            let _ = (image(&url).source().map(|s| s.known_len()), image(&url).kind());
            let _ = image(&format!("data:{url}")).source().map(|s| s.known_len());
        }
    }
}
