//! Bytes as hexadecimal digits.

/// Two lower-case digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a text does not fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of digits of either case; nothing for anything else.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_strictly() {
        assert_eq!(unhex("00fF7a"), Some(vec![0, 255, 0x7a]));
        for bad in ["0", "+f", "0x", "g0", " 00", "é0"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
        assert_eq!(hex(&[0, 255, 0x7a]), "00ff7a");
    }
}
