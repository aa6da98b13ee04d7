//! What files are called where people see their names.

use crier_core::media::{Attachment, Kind};

/// The name of the attachment at place `index` (the first is 1). A document's is what its address has, if that is a plain one; of the
/// others it tells what they are.
pub(crate) fn plain_name(one: &Attachment, index: usize, mime_type: &str) -> String {
    let ending = match mime_type.rsplit('/').next().unwrap_or_default() {
        "quicktime" => "mov",
        "jpeg" => "jpg",
        other => other,
    };
    let path = one.url.strip_prefix("https://").and_then(|rest| rest.split(['?', '#']).next());
    let last = path.and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let is_plain = |name: &str| {
        (1..=60).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    match last.rsplit_once('.') {
        Some((stem, _)) if one.kind() == Kind::Document && is_plain(stem) => format!("{stem}.{ending}"),
        _ => format!("{}-{index}.{ending}", one.kind().as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_its_plain_name() {
        let of = |url: &str, mime_type: &str| {
            plain_name(&Attachment { url: url.into(), alt: String::new(), stated: None }, 2, mime_type)
        };
        assert_eq!(of("https://a.example/x/May-report_1.PDF?a=1", "application/pdf"), "May-report_1.pdf");
        for odd in
            ["https://a.example/a%20b.pdf", "https://a.example/.pdf", "data:application/pdf;base64,AA/a.pdf"]
        {
            assert_eq!(of(odd, "application/pdf"), "document-2.pdf", "{odd}");
        }
        assert_eq!(of("https://a.example/cat.jpeg", "image/jpeg"), "image-2.jpg");
        assert_eq!(of("https://a.example/cat.mov", "video/quicktime"), "video-2.mov");
    }
}
