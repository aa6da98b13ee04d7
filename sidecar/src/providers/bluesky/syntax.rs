//! The forms of names. What doesn't have its form goes neither to the database nor into a record.

pub(super) use crier_core::platform::bluesky::{MAX_HANDLE, is_did, is_handle};

/// The most characters of a content's hash.
const MAX_CID: usize = 256;

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
        let long = format!("did:plc:{}", "a".repeat(2_048));
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
