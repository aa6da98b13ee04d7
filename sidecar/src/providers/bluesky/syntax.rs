//! The forms of names. What doesn't have its form goes neither to the database nor into a record.

/// The most characters of a handle.
pub(super) const MAX_HANDLE: usize = 253;
/// The most characters of an account's id.
const MAX_DID: usize = 2048;
/// The most characters of a content's hash.
const MAX_CID: usize = 256;

/// Whether it is the id of an account: `did:`, a method, an id.
pub(super) fn is_did(text: &str) -> bool {
    let Some((method, id)) = text.strip_prefix("did:").and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    text.len() <= MAX_DID
        && !method.is_empty()
        && method.bytes().all(|b| b.is_ascii_lowercase())
        && !id.is_empty()
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:%-".contains(&b))
}

/// Whether it is a domain name as accounts have one.
pub(super) fn is_handle(text: &str) -> bool {
    let Some((rest, ending)) = text.rsplit_once('.') else { return false };
    text.len() <= MAX_HANDLE
        && rest.split('.').all(is_label)
        && is_label(ending)
        && ending.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A label of a domain name.
pub(super) fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether it can be the hash of a content. It is kept, never read.
pub(super) fn is_cid(text: &str) -> bool {
    (1..=MAX_CID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_form() {
        for did in ["did:plc:z72i7hdynmk6r22z27h6tvur", "did:web:localhost%3A80", "did:a:b:c.D_-"] {
            assert!(is_did(did), "{did}");
        }
        let long = format!("did:plc:{}", "a".repeat(MAX_DID));
        for odd in
            ["", "did:", "did:plc", "did:plc:", "did::a", "did:PLC:a", "did:plc:a b", "did:plc:a\0", &long]
        {
            assert!(!is_did(odd), "{odd}");
        }
    }

    #[test]
    fn handles_and_hashes_have_their_form() {
        assert!(is_handle("a.test") && is_handle("A-1.b.example"));
        for odd in ["", "a", ".test", "a..test", "a.1", "-a.test", "a.test/x", "a.te st", "ä.test"] {
            assert!(!is_handle(odd), "{odd}");
        }
        assert!(is_cid("bafyreib"));
        assert!(!is_cid("") && !is_cid("a\0") && !is_cid("a b") && !is_cid(&"a".repeat(MAX_CID + 1)));
    }
}
