use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{CanonicalError, canonical, hash};

/// A value as it is meant; numbers without zeros at the end of their digits.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    /// Digits times a power of ten.
    Number(i64, i64),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

fn number(mut digits: i64, mut exponent: i64) -> Json {
    if digits == 0 {
        return Json::Number(0, 0);
    }
    while digits % 10 == 0 {
        digits /= 10;
        exponent += 1;
    }
    Json::Number(digits, exponent)
}

/// Small values, so that two of them are often alike, and characters that are special to somebody.
fn json() -> impl Strategy<Value = Json> {
    let text = || "[ab\"\\\\/\n\u{0}\u{1f}é\u{301}e\u{7f}\u{2028}\u{ffff}😀]{0,3}";
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        (-30..30_i64, -3..4_i64).prop_map(|(digits, exponent)| number(digits, exponent)),
        (any::<i64>(), -400..400_i64).prop_map(|(digits, exponent)| number(digits, exponent)),
        text().prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            prop::collection::btree_map(text(), inner, 0..4).prop_map(Json::Object),
        ]
    })
}

/// Decides how a value is spelled.
struct Whim(u64);

impl Whim {
    fn below(&mut self, bound: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from(mixed >> 33).unwrap() % bound
    }

    fn space(&mut self, out: &mut String) {
        out.push_str(["", "", " ", "\n", "\t\r"][self.below(5)]);
    }

    fn spell(&mut self, value: &Json, out: &mut String) {
        self.space(out);
        match value {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(&value.to_string()),
            Json::Number(digits, exponent) => self.number(*digits, *exponent, out),
            Json::Text(text) => self.text(text, out),
            Json::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    self.spell(item, out);
                }
                out.push(']');
            }
            Json::Object(members) => self.object(members, out),
        }
        self.space(out);
    }

    fn object(&mut self, members: &BTreeMap<String, Json>, out: &mut String) {
        let mut members: Vec<_> = members.iter().collect();
        for at in (1..members.len()).rev() {
            members.swap(at, self.below(at + 1));
        }
        // what an equal key after it hides
        if !members.is_empty() && self.below(3) == 0 {
            members.insert(0, (members[self.below(members.len())].0, &Json::Null));
        }
        out.push('{');
        for (at, (key, value)) in members.into_iter().enumerate() {
            out.push_str(if at > 0 { "," } else { "" });
            self.space(out);
            self.text(key, out);
            self.space(out);
            out.push(':');
            self.spell(value, out);
        }
        self.space(out);
        out.push('}');
    }

    fn number(&mut self, digits: i64, exponent: i64, out: &mut String) {
        if digits < 0 || digits == 0 && self.below(2) == 0 {
            out.push('-');
        }
        let mut text = digits.unsigned_abs().to_string();
        let mut exponent = exponent;
        for _ in 0..self.below(4) {
            text.push('0');
            exponent -= 1;
        }
        // a point somewhere, or before everything
        let fraction = self.below(text.len() + 1);
        exponent += i64::try_from(fraction).unwrap();
        let (whole, fraction) = text.split_at(text.len() - fraction);
        out.push_str(if whole.is_empty() || whole.bytes().all(|b| b == b'0') { "0" } else { whole });
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(fraction);
        }
        if exponent != 0 || self.below(2) == 0 {
            out.push_str(["e", "E"][self.below(2)]);
            out.push_str(if exponent < 0 { "-" } else { ["", "+"][self.below(2)] });
            out.push_str(["", "0", "000"][self.below(3)]);
            out.push_str(&exponent.unsigned_abs().to_string());
        }
    }

    fn text(&mut self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            let short = match c {
                '"' => Some("\\\""),
                '\\' => Some("\\\\"),
                '/' => Some("\\/"),
                '\n' => Some("\\n"),
                _ => None,
            };
            match (self.below(3), short) {
                (0, Some(short)) => out.push_str(short),
                (1, _) if c >= ' ' && c != '"' && c != '\\' => out.push(c),
                _ => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let hex = format!("{unit:04x}");
                        out.push_str("\\u");
                        out.push_str(&if self.below(2) == 0 { hex.to_uppercase() } else { hex });
                    }
                }
            }
        }
        out.push('"');
    }
}

fn spelled(value: &Json, whim: u64) -> String {
    let mut out = String::new();
    Whim(whim).spell(value, &mut out);
    out
}

fn form(text: &str) -> String {
    canonical(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

proptest! {
    #[test]
    fn every_spelling_has_the_same_form(value in json(), one in any::<u64>(), other in any::<u64>()) {
        let (one, other) = (spelled(&value, one), spelled(&value, other));
        prop_assert_eq!(form(&one), form(&other), "{} and {}", one, other);
        prop_assert_eq!(hash(&one), hash(&other));
    }

    #[test]
    fn other_values_have_other_forms(a in json(), b in json(), whim in any::<u64>()) {
        prop_assert_eq!(a == b, form(&spelled(&a, whim)) == form(&spelled(&b, !whim)));
    }

    #[test]
    fn the_form_is_its_own_form_and_json(value in json(), whim in any::<u64>()) {
        let once = form(&spelled(&value, whim));
        prop_assert_eq!(&form(&once), &once);
        let read: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&once);
        prop_assert!(read.is_ok(), "{}", once);
    }

    #[test]
    fn what_is_json_is_what_serde_says(text in "[\\[\\]{}:,\"\\\\ua0-9eE.+ \u{1}é-]{0,12}") {
        let read: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&text);
        match canonical(&text) {
            Ok(_) => prop_assert!(read.is_ok(), "{:?} is {:?}", text, read),
            Err(CanonicalError::Syntax { .. }) => prop_assert!(read.is_err(), "{:?} is {:?}", text, read),
            Err(_) => {}
        }
    }

    #[test]
    fn garbage_never_panics(value in json(), whim in any::<u64>(), cut in any::<prop::sample::Index>(), noise in any::<String>()) {
        let _ = hash(&noise);
        let text = spelled(&value, whim);
        let at = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let _ = hash(&text[..at]);
        let _ = hash(&format!("{}{noise}{}", &text[..at], &text[at..]));
    }
}

#[test]
fn numbers_are_compared_by_value() {
    for spellings in [
        &["1", "1.0", "1e0", "10e-1", "0.1E+1", "100.00e-002"][..],
        &["0", "-0", "0.000", "0e5", "-0.0e-99999999999999999999999999999999999999999999"],
        &["1e400", "10e399", "0.01e402"],
        &["1e-999999", "0.1e-999998"],
        &["1e9223372036854775807", "0.1e9223372036854775808", "10e9223372036854775806"],
        &["1e-9223372036854775808"],
        &["12345678901234567890123456789012345678901", "1234567890123456789012345678901234567890.1e1"],
    ] {
        for spelling in spellings {
            assert_eq!(form(spelling), form(spellings[0]), "{spelling}");
        }
    }
    assert_eq!(form("[100, -1.50, 12]"), "[1e2,-15e-1,12]");
    for (a, b) in [
        ("1", "-1"),
        ("0.1", "0.10000000000000000001"),
        ("9007199254740993", "9007199254740992"),
        ("1e400", "1e401"),
    ] {
        assert_ne!(form(a), form(b));
    }
    for far in [
        "1e9223372036854775808",
        "10e9223372036854775807",
        "1e-9223372036854775809",
        "1e99999999999999999999999999999999999999999",
    ] {
        assert_eq!(canonical(far), Err(CanonicalError::Exponent { at: 0 }), "{far}");
    }
}

#[test]
fn strings_are_compared_by_code_points() {
    assert_eq!(form(r#""\u00e9\ud83d\ude00\/\u000a""#), "\"é😀/\\u000a\"");
    assert_ne!(form("\"\u{e9}\""), form("\"e\u{301}\""), "no Unicode normalisation, as in Postgres");
    assert_ne!(form("\"1\""), form("1"));
    for (text, at) in [(r#""\ud83d""#, 1), (r#""a\ude00""#, 2), (r#""\ud83d\ud83d""#, 1), (r#""\ud83dx""#, 1)]
    {
        assert_eq!(canonical(text), Err(CanonicalError::LoneSurrogate { at }), "{text}");
    }
}

#[test]
fn keys_are_sorted_by_their_bytes_and_the_last_counts() {
    let text =
        r#"{"b": 1, "\uffff": 2, "😀": 3, "": 4, "a\"": 5, "a": 6, "b": {"z": 1, "y": 2}, "\u0062": 7}"#;
    assert_eq!(form(text), "{\"\":4,\"a\":6,\"a\\\"\":5,\"b\":7,\"\u{ffff}\":2,\"😀\":3}");
}

#[test]
fn refusals_tell_the_place() {
    for (text, at, expected) in [
        ("", 0, "a value"),
        ("[1,]", 3, "a value"),
        ("{\"a\":1,}", 7, "a key in quotes"),
        ("[1 2]", 3, ", or ]"),
        ("{\"a\" 1}", 5, ":"),
        ("01", 1, "no digit after a leading 0"),
        ("1.", 2, "a digit"),
        ("nul", 0, "a value"),
        ("null null", 5, "the end"),
        ("\"\t\"", 1, "an escape instead of a control character"),
        ("\"a", 2, "the end of a string"),
        ("\"\\x\"", 2, "one of \"\\/bfnrtu"),
        ("\"\\u12g4\"", 5, "a hexadecimal digit"),
    ] {
        assert_eq!(canonical(text), Err(CanonicalError::Syntax { at, expected }), "{text}");
    }
}

#[test]
fn deep_nesting_is_as_good_as_any() {
    const DEEP: usize = 200_000;
    let text = format!("{}1{}", "[".repeat(DEEP), "]".repeat(DEEP));
    assert_eq!(form(&text), text);
    let text = format!("{}1{}", "{\"b\":0, \"a\":".repeat(DEEP), "}".repeat(DEEP));
    assert_eq!(form(&text).len(), text.len() - DEEP);
    assert!(canonical(&"[".repeat(DEEP)).is_err());
}
