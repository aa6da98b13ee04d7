//! What clients send besides JSON: the pairs of a query or a form, and forms that carry files.

use bytes::Bytes;
use hyper::Request;
use hyper::header::CONTENT_TYPE;

/// A part of a form that carries files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) bytes: Bytes,
}

/// The pairs of a query or of a form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// Percent-decoding.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        rest = match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                &tail[2..]
            }
            _ => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                tail
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The parts of a `multipart/form-data` body; `None` where it can't be read.
pub(super) fn parts(request: &Request<Bytes>) -> Option<Vec<Part>> {
    let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?.strip_prefix("multipart/form-data")?;
    let boundary = kind.split_once("boundary=")?.1.split(';').next()?.trim().trim_matches('"');
    let mut rest = request.body().strip_prefix(format!("--{boundary}").as_bytes())?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let (head, tail) = cut(rest.strip_prefix(b"\r\n")?, b"\r\n\r\n")?;
        let (bytes, next) = cut(tail, format!("\r\n--{boundary}").as_bytes())?;
        parts.push(Part { name: name(head)?, bytes: Bytes::copy_from_slice(bytes) });
        rest = next;
    }
    Some(parts)
}

/// What stands before and after the first place of a mark.
fn cut<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

/// The name that the headers of a part give it.
fn name(head: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(head).ok()?;
    let quoted = head.split([';', '\n']).find_map(|field| field.trim().strip_prefix("name=\""))?;
    Some(quoted.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        assert_eq!(decode("at%3A%2F%2Fx+%c3%a9%2"), "at://x é%2");
        let expected = [("a", "1"), ("b", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs("a=1&&c&b="), expected);
    }

    #[test]
    fn files_come_through_as_they_are() {
        let read = |body: &'static [u8]| {
            let request = Request::builder().header(CONTENT_TYPE, "multipart/form-data; boundary=\"x\"");
            parts(&request.body(Bytes::from_static(body)).expect("a request"))
        };
        let body = b"--x\r\nContent-Disposition: form-data; filename=\"f\"; name=\"media\"\r\n\
                     Content-Type: image/png\r\n\r\n\x00\r\n--y\xff\r\n--x\r\n\
                     Content-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--x--\r\n";
        let part = |name: &str, bytes: &'static [u8]| Part { name: name.into(), bytes: bytes.into() };
        assert_eq!(read(body), Some(vec![part("media", b"\x00\r\n--y\xff"), part("empty", b"")]));
        for broken in [&body[..10], &body[..80], &body[1..], b"", b"--x", b"--x\r\n\r\n\r\n\r\n--x--"] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }
}
